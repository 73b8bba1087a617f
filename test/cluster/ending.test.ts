/**
 * A program that starts many processes is ended by a signal. It leaves no process and no folder
 * behind.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { processesUnder } from '../../bench/processes.ts';
import { isRunning, recordOf } from '../../host/process/process-record.ts';
import { freshFolder, runFile } from '../support/local-process.ts';
import { untilSeen } from '../support/until.ts';

let folder: string;
beforeEach(() => {
  folder = freshFolder();
  mkdirSync(join(folder, 'tmp'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it.each([
  // The fourth column is the number of processes: the program itself, and three nodes with an etcd
  // each; for the demo also npm run cluster.
  ['npm run demo', 'SIGTERM', 143, 8, 'local/bin/demo.ts', []],
  ['npm run demo', 'SIGINT', 130, 8, 'local/bin/demo.ts', []],
  ['npm run bench -- cluster', 'SIGHUP', 129, 7, 'bench/bench.ts', ['cluster']],
] as const)(
  '%s ends its nodes on %s with exit code %i, and removes its folder',
  async (_, signal, code, processes, file, args) => {
    const program = runFile(file, args, { TMPDIR: join(folder, 'tmp') });
    const under = () =>
      processesUnder(program.child.pid ?? 0)
        .map(({ pid }) => recordOf(pid))
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
    const under = () => processesUnder(tests.child.pid ?? 0);
    const vaults = () => under().filter(({ kind }) => kind === 'node').length;
    await untilSeen(vaults, (count) => count > 0);
    const records = under().map(({ pid }) => recordOf(pid));
    const started = records.filter((record) => record !== undefined);
    tests.child.kill('SIGTERM');
    await tests.exit;
    await untilSeen(
      () => started.filter(isRunning),
      ({ length }) => length === 0,
    );
  });
});
