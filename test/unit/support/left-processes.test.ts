/** Programs that a test of `dsvault` leaves running are ended after it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { commandLines, type Dsvault, openDsvault } from '../../support/dsvault.ts';
import { treeOf } from '../../support/left-processes.ts';
import { until } from '../../support/until.ts';

type Started = ReturnType<Dsvault['start']>;

const start = async (script: string, terminal = false): Promise<Started> => {
  const started = openDsvault({}).start(['-c', script], { program: 'sh', terminal });
  await started.prints('up');
  return started;
};

/** What each test leaves behind: its program, and the processes that must be gone. */
const left: { readonly child: Started['child']; readonly pids: readonly number[] }[] = [];
// Runs after the hook under test: hooks of the same level run in the order in which they were
// defined, and test/support/dsvault.ts was imported before.
afterEach(async () => {
  for (const { child, pids } of left.splice(0)) {
    expect(child.stdout?.closed).toBe(true);
    // A process that has ended has no command line.
    await until(() => pids.flatMap(commandLines).join('') === '');
  }
});

describe('a program that a test leaves running', () => {
  it.each([
    ['', false, 2],
    [' in a terminal', true, 3],
  ])('is ended%s, with everything that it has started', async (_, terminal, count) => {
    const { child } = await start('echo up; sleep 60; exit', terminal);
    await until(() => treeOf(child.pid).length === count);
    left.push({ child, pids: treeOf(child.pid) });
  });

  it('is not read any longer once it has ended, even if a child could still print something', async () => {
    const { child, ran } = await start('sleep 90 & echo up $!');
    await until(() => child.exitCode === 0);
    left.push({ child, pids: [] });
    void ran.then(({ stdout }) => process.kill(Number(stdout.slice('up '.length))));
  });
});

describe('a program that was started before the tests', () => {
  let started: Started;
  beforeAll(async () => {
    started = await start('echo up; sleep 60; exit');
  });
  afterAll(() => {
    for (const pid of treeOf(started.child.pid)) process.kill(pid);
  });

  it.each(['first', 'second'])('is still running during the %s test', () => {
    expect(commandLines(started.child.pid).join()).toContain('sleep 60');
  });
});
