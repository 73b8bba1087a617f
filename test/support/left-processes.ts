/**
 * Ends what a test has left running, such as a program whose output a failed test was waiting for.
 * Otherwise Jest would not exit, because it still reads the output of the program.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach } from '@jest/globals';

const open = new Set<ChildProcess>();
// Whatever was started before the first test of a file or a `describe` serves all of its tests, so
// it is not ended here.
beforeEach(() => open.clear());
afterEach(async () => {
  await Promise.all([...open].map(end));
});

/**
 * Registers a program, so that it and everything that it has started are ended after the current
 * test.
 */
export const endAfterTest = (child: ChildProcess): void => {
  open.add(child);
  child.once('close', () => open.delete(child));
};

const end = async (child: ChildProcess): Promise<void> => {
  const closed = once(child, 'close');
  for (const pid of hasEnded(child) ? [] : treeOf(child.pid)) kill(pid);
  // A process that is no longer a descendant of the program may still hold its stdout or stderr
  // open.
  for (const stream of child.stdio) stream?.destroy();
  await closed;
};

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;

const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // The process has already ended.
  }
};

/** Returns the ids of a process and of everything that it has started. */
export const treeOf = (root: number | undefined): number[] => {
  if (root === undefined) return [];
  return [root, ...childrenOf(root).flatMap(treeOf)];
};

const childrenOf = (pid: number): number[] => {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')
        .split(' ')
        .slice(0, -1)
        .map(Number),
    );
  } catch {
    // The process has already ended.
    return [];
  }
};
