/** Finds the programs that have a file locked. */
import { readFileSync, statSync } from 'node:fs';
import { shown } from '../../system/terminal-text.ts';

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
