/**
 * Ends what a test leaves running, such as a program for whose line a failed test has waited. Otherwise Jest would not
 * exit, because it still reads what the program prints.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach } from '@jest/globals';

const open = new Set<ChildProcess>();
// What was started before the first test of a file or a `describe` is for all of its tests.
beforeEach(() => open.clear());
afterEach(async () => {
  await Promise.all([...open].map(end));
});

/** Ends the program, and all that it has started, after the test that starts it. */
export const endAfterTest = (child: ChildProcess): void => {
  open.add(child);
  child.once('close', () => open.delete(child));
};

const end = async (child: ChildProcess): Promise<void> => {
  const closed = once(child, 'close');
  for (const pid of hasEnded(child) ? [] : treeOf(child.pid)) kill(pid);
  // Something that is no longer in the tree may hold the other ends.
  for (const stream of child.stdio) stream?.destroy();
  await closed;
};

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;

const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // The process has ended.
  }
};

/** The ids of a process and of all that it has started. */
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
    // The process has ended.
    return [];
  }
};
