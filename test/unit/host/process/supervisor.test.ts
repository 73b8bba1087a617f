/** Supervised child processes. Small shell scripts stand in for the real programs. */
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  findRememberedChild,
  isRunning,
  recordOf,
} from '../../../../host/process/process-record.ts';
import {
  type End,
  endChild,
  type Program,
  type Supervision,
  startChild,
  supervise,
} from '../../../../host/process/supervisor.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { until } from '../../../support/until.ts';

let folder: string;
let pidFile: string;
let supervised: Supervision[];
let ends: End[];
let launches: number;
beforeEach(() => {
  folder = freshFolder();
  pidFile = join(folder, 'pid');
  [supervised, ends, launches] = [[], [], 0];
});
afterEach(async () => {
  for (const { close } of supervised) await close();
});

const running = () => findRememberedChild(pidFile);
/**
 * Runs the scripts one after the other, and the last one repeatedly. A program that ended starts
 * again without a wait.
 */
const run = async (scripts: readonly string[], more: Partial<Program> = {}) => {
  const one = await supervise({
    pidFile,
    launch: () => {
      launches += 1;
      return startChild('sh', ['-c', scripts[launches - 1] ?? scripts.at(-1) ?? ''], folder);
    },
    graceMs: 1_000,
    onEnd: (end) => {
      ends.push(end);
      return 0;
    },
    ...more,
  });
  supervised.push(one);
  return one;
};
const stays = 'exec sleep 60';
const timersCount = () =>
  process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
const startOf = (isDone: () => boolean, withinMs = 60_000): NonNullable<Program['start']> => ({
  isDone: async () => isDone(),
  askEveryMs: 5,
  withinMs,
  failed: (end) => new Error(end === undefined ? 'too late' : `ended: ${end.lastWords}`),
});

describe('a program that is kept running', () => {
  it('restarts after it ended, and its exit code or signal and the last line it printed are reported', async () => {
    await run(['echo one >&2; echo two >&2; exit 3', 'kill -9 $$', stays]);
    await until(() => launches === 3);
    expect(ends).toMatchObject([
      { how: 'exit code 3', lastWords: 'two' },
      { how: 'SIGKILL', lastWords: '' },
    ]);
  });

  it('is not restarted if onEnd throws, and its supervision fails with the error of onEnd', async () => {
    const onEnd = ({ how }: End) => {
      throw new Error(how);
    };
    const { failed } = await run(['exit 4'], { onEnd });
    expect(await failed).toMatchObject({ message: 'exit code 4' });
    expect(launches).toBe(1);
  });

  it('ends when its supervision is closed, and is not restarted, not even during the wait before a restart', async () => {
    await (await run([stays])).close();
    expect(running()).toBeUndefined();
    let isAsked = false;
    const onEnd = () => {
      isAsked = true;
      return 60_000;
    };
    const { close } = await run([stays, 'exit 1'], { onEnd });
    await until(() => isAsked);
    const before = timersCount();
    await close();
    expect([launches, ends]).toEqual([2, []]);
    // The timer of the wait is cleared, so it does not keep the process alive.
    expect(timersCount()).toBe(before - 1);
  });

  it('ends when its supervision is closed, even while it is being restarted', async () => {
    const [asked, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let last: ChildProcess | undefined;
    const launch = async () => {
      launches += 1;
      if (launches === 1) return startChild('sh', ['-c', 'exit 1'], folder);
      asked.resolve();
      await released.promise;
      // If nobody ended this child, it would end by itself after five seconds, without a signal.
      last = startChild('sleep', ['5'], folder);
      return last;
    };
    const { close } = await run([], { launch });
    await asked.promise;
    const closed = close();
    released.resolve();
    await closed;
    expect([last?.signalCode, running()]).toEqual(['SIGTERM', undefined]);
  });

  it('is ended and started again if a restart takes too long', async () => {
    await run(['exit 1', stays], { start: startOf(() => launches !== 2, 50) });
    await until(() => launches === 3);
    expect(ends).toMatchObject([{ how: 'exit code 1' }, { how: 'SIGTERM' }]);
  });
});

describe('the start of a program', () => {
  it('puts it into its own process group, so that Ctrl-C at a terminal does not reach it', async () => {
    const child = startChild('sleep', ['60'], folder);
    expect(process.kill(-Number(child.pid), 0)).toBe(true);
    await endChild(child, 1_000);
  });

  it.each([
    [stays, 300, 'too late'],
    ['echo a line >&2; echo disk full >&2; exit 3', 60_000, 'ended: disk full'],
    ['exit 3', 60_000, 'ended: '],
  ])('fails and leaves no process if it is never ready: %s', async (script, withinMs, message) => {
    const started = run([script], { start: startOf(() => false, withinMs) });
    await expect(started).rejects.toThrow(new Error(message));
    expect([launches, running()]).toEqual([1, undefined]);
  });

  it('fails if the program does not exist', async () => {
    const launch = () => startChild('/no/such/program', [], folder);
    const started = run([], { launch, start: startOf(() => false) });
    await expect(started).rejects.toThrow(/^ended: .*(ENOENT|No such file)/);
  });

  it('first ends the process that an earlier run left behind, and no other process', async () => {
    const left = recordOf(startChild('sleep', ['60'], folder).pid ?? 0);
    if (left === undefined) throw new Error('nothing was started');
    // The remembered pid now belongs to another process, with another start time.
    writeFileSync(pidFile, JSON.stringify({ ...left, startTime: '1' }));
    await (await run([stays])).close();
    expect(isRunning(left)).toBe(true);
    writeFileSync(pidFile, JSON.stringify(left));
    await run([stays]);
    expect(isRunning(left)).toBe(false);
  });
});
