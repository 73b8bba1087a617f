/**
 * `node test/support/package-problems.ts FILE…` prints the problems that publint and
 * arethetypeswrong find in packed packages. It is a program because Jest cannot load these two.
 */
import { readFileSync } from 'node:fs';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { filterProblems } from '@arethetypeswrong/core/problems';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

/** The ways in which a program can import a package that has only ES modules. */
const ways = ['node16-esm', 'bundler'] as const;

const report = (line: string): void => void process.stdout.write(`${line}\n`);

for (const file of process.argv.slice(2)) {
  const bytes = Uint8Array.from(readFileSync(file));
  const { messages, pkg } = await publint({ pack: { tarball: bytes.buffer }, strict: true });
  for (const message of messages) report(`${file}: ${formatMessage(message, pkg)}`);
  const analysis = await checkPackage(createPackageFromTarballData(bytes));
  // In a package without types, such as a command line, there is nothing more to check.
  if (analysis.types === false) continue;
  for (const resolutionKind of ways) {
    for (const problem of filterProblems(analysis, { resolutionKind })) {
      report(`${file}: ${resolutionKind}: ${JSON.stringify(problem)}`);
    }
  }
}
