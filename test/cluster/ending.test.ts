/**
 * A program that starts many processes is ended by a signal. It leaves no process and no folder
 * behind.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isRunning, recordOf } from '../../host/process/process-record.ts';
import { readFileIfPresent } from '../../system/files.ts';
import { treeOf } from '../support/left-processes.ts';
import { freshFolder, runFile } from '../support/local-process.ts';
import { untilSeen } from '../support/until.ts';

/** Whether the process is `npm start`. */
const isVault = (pid: number): boolean =>
  readFileIfPresent(`/proc/${pid}/cmdline`)?.includes('host/bin/start.ts') === true;

let folder: string;
beforeEach(() => {
  folder = freshFolder();
  mkdirSync(join(folder, 'tmp'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it.each([
  // The fourth column is the number of processes: the program itself, npm run cluster, and three
  // nodes with an etcd each.
  ['npm run demo', 'SIGTERM', 143, 8, 'local/bin/demo.ts', []],
  ['npm run demo', 'SIGINT', 130, 8, 'local/bin/demo.ts', []],
  ['npm run bench -- cluster', 'SIGHUP', 129, 8, 'bench/bench.ts', ['cluster']],
] as const)(
  '%s ends its nodes on %s with exit code %i, and removes its folder',
  async (_, signal, code, processes, file, args) => {
    const program = runFile(file, args, { TMPDIR: join(folder, 'tmp') });
    const under = () =>
      treeOf(program.child.pid)
        .map(recordOf)
        .filter((record) => record !== undefined);
    const started = await untilSeen(under, (all) => all.length >= processes);
    program.child.kill(signal);
    expect(await program.exit).toBe(code);
    expect(started.filter(isRunning)).toEqual([]);
    expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
  },
);

describe('the tests', () => {
  it('end the vaults that they have started when they receive SIGTERM', async () => {
    const args = ['--selectProjects', 'e2e', '--maxWorkers=2', '--runTestsByPath'];
    const files = ['test/e2e/reads.test.ts', 'test/e2e/story.test.ts'];
    const tests = runFile('node_modules/jest/bin/jest.js', [...args, ...files], {});
    const under = () => treeOf(tests.child.pid);
    await untilSeen(
      () => under().filter(isVault).length,
      (count) => count > 0,
    );
    const started = under()
      .map(recordOf)
      .filter((record) => record !== undefined);
    tests.child.kill('SIGTERM');
    await tests.exit;
    await untilSeen(
      () => started.filter(isRunning),
      ({ length }) => length === 0,
    );
  });
});
