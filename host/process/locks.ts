/** Locks files, and finds the programs that have a file locked. */
import { readFileSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { sentenceOf } from '../../system/failures.ts';
import { shown } from '../../system/terminal-text.ts';

export type Lock = { readonly release: () => void };

/**
 * Locks the file for this process until `release` or the process's death, however it dies. The lock
 * is SQLite's, and the operating system holds it, so a dead process leaves no stale lock. Returns
 * `undefined` if another process holds it. Throws SQLite's error if the file cannot be written.
 */
export const tryLock = (file: string): Lock | undefined => {
  const lock = new DatabaseSync(file, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return { release: () => lock.close() };
  } catch (error) {
    lock.close();
    if (sentenceOf(error).includes('locked')) return undefined;
    throw error;
  }
};

const retryMs = 100;

/** Locks the file like `tryLock`, as soon as no other process holds it. */
export const lockWhenFree = async (file: string): Promise<Lock> => {
  for (;;) {
    const lock = tryLock(file);
    if (lock) return lock;
    await sleep(retryMs);
  }
};

/**
 * Returns the other programs of this machine that hold a lock on the file, such as `process 4711
 * (node host/bin/backup.ts)`, or `process 4711` if it has just ended. Finds them only on Linux, and
 * not in other containers.
 */
export const programsWith = (file: string): readonly string[] => {
  try {
    const ofFile = new RegExp(`^.* (\\d+) \\S+:${statSync(file).ino} `, 'gm');
    const pids = [...readFileSync('/proc/locks', 'latin1').matchAll(ofFile)].map(([, pid]) => pid);
    const others = new Set(pids.filter((pid) => Number(pid) > 0 && Number(pid) !== process.pid));
    return [...others].map((pid) => `process ${pid}${wordsOf(pid)}`);
  } catch {
    return [];
  }
};

/** The command line of a process, in brackets; empty if the process has ended. */
const wordsOf = (pid: string | undefined): string => {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
    return words === '' ? '' : ` (${shown(words)})`;
  } catch {
    return '';
  }
};
