/** A copy of the project in which guards can be weakened, and in which programs, tests and the compiler can run. */
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startProgram } from '../../../local/process/supervisor.ts';
import type { Mutant } from './mutant.ts';

/** The results of the tests with the requested titles. */
type Results = { readonly passed: number; readonly failed: number; readonly broken: number };

export type Workshop = {
  /** The words of the compiler about the copy; empty if it compiles. */
  readonly compile: () => Promise<string>;
  readonly runTests: (asked: readonly Pick<Mutant, 'test' | 'sentence'>[]) => Promise<Results>;
  /** Runs a program with Node in the copy. Returns what it printed, and then its exit code if that is not 0. */
  readonly run: (args: readonly string[]) => Promise<string>;
  /** Runs `work` while the copy has this mutant. Throws unless its text occurs exactly once. */
  readonly withMutant: <Result>(mutant: Mutant, work: () => Promise<Result>) => Promise<Result>;
  readonly close: () => void;
};

const left = new Set(['node_modules', '.git', '.local', '.aws-sam']);

export const openWorkshop = (): Workshop => {
  const folder = mkdtempSync(join(tmpdir(), 'mutants-'));
  for (const entry of readdirSync('.')) {
    if (!left.has(entry)) cpSync(entry, join(folder, entry), { recursive: true });
  }
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));

  const run: Workshop['run'] = (args) =>
    new Promise((done) => {
      const child = startProgram(process.execPath, args, {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let printed = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream?.on('data', (chunk: Buffer) => {
          printed += chunk;
        });
      }
      child.once('close', (code) => done(code === 0 ? printed : `${printed}exit code ${code}`));
    });

  return {
    run,
    compile: () => run(['node_modules/typescript/bin/tsc']),
    runTests: async (asked) => {
      const report = join(folder, 'report.json');
      const files = new Set(asked.map(({ test }) => `test/${test}.test.ts`));
      const sentences = asked.map(({ sentence }) =>
        sentence.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
      );
      const projects = new Set(asked.map(({ test }) => test.split('/')[0] ?? ''));
      await run([
        ...['node_modules/jest/bin/jest.js', '--selectProjects', ...projects],
        // A mutant may leave something open that its test would have closed.
        ...['--runInBand', '--forceExit', '--json', `--outputFile=${report}`],
        ...['--testTimeout=60000'],
        ...['-t', `(${sentences.join('|')})`, '--runTestsByPath', ...files],
      ]);
      const told = JSON.parse(readFileSync(report, 'utf8'));
      rmSync(report);
      return {
        passed: told.numPassedTests,
        failed: told.numFailedTests,
        broken: told.numRuntimeErrorTestSuites,
      };
    },
    withMutant: async ({ file, from, to }, work) => {
      const path = join(folder, file);
      const text = readFileSync(path, 'utf8');
      if (text.split(from).length !== 2) throw new Error(`${file} does not hold once: ${from}`);
      writeFileSync(
        path,
        text.replace(from, () => to),
      );
      try {
        return await work();
      } finally {
        writeFileSync(path, text);
      }
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
};
