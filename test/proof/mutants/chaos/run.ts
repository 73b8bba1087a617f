/** Applies mutants, each to a copy of the repository of its own, and has them go through a run of chaos. */
import { execFileSync, type StdioOptions } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { startProgram } from '../../../../local/host/supervisor.ts';
import type { Mutant } from './list.ts';

/** Copies what git knows of, and links what npm has installed. */
const copyRepository = (to: string): void => {
  const files = execFileSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  for (const file of files.split('\0').filter((name) => name !== '')) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    cpSync(file, join(to, file));
  }
  symlinkSync(join(process.cwd(), 'node_modules'), join(to, 'node_modules'));
};

const mutate = (folder: string, { name, edits }: Mutant): void => {
  for (const { file, find, replace } of edits) {
    const path = join(folder, file);
    const parts = readFileSync(path, 'utf8').split(find);
    if (parts.length !== 2)
      throw new Error(`${name}: ${file} has its text ${parts.length - 1} times`);
    writeFileSync(path, parts.join(replace));
  }
};

const runNode = (folder: string, args: readonly string[]): Promise<string> =>
  new Promise((resolve) => {
    const stdio: StdioOptions = ['ignore', 'pipe', 'pipe'];
    const child = startProgram(process.execPath, args, { cwd: folder, stdio });
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        printed += chunk;
      });
    }
    child.once('close', (code) => resolve(`${printed}${code === 0 ? '' : `exit code ${code}`}`));
  });

/**
 * What the run of the mutant found: its failures, a line each; empty if it noticed nothing. Throws if the mutant
 * cannot be made, or does not even pass the type checker.
 */
export const tryMutant = async (mutant: Mutant, folder: string, seed: number): Promise<string> => {
  const tree = join(folder, 'tree');
  copyRepository(tree);
  mutate(tree, mutant);
  const types = await runNode(tree, ['node_modules/typescript/bin/tsc']);
  if (types !== '') throw new Error(`${mutant.name}: ${types}`);
  const run = join(folder, 'run');
  const always = `--seed ${seed} --seconds 150 --folder ${run}`;
  const args = `test/cluster/chaos/run.ts ${always} ${mutant.run}`.split(' ');
  const printed = await runNode(tree, args);
  rmSync(tree, { recursive: true, force: true });
  const failures = printed.split('\n').filter((line) => line.startsWith('FAILED: '));
  if (failures.length === 0 && /exit code/.test(printed)) throw new Error(printed);
  return failures.join('\n');
};
