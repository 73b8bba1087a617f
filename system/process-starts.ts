/**
 * Finds out when a process began. The system reuses the numbers of ended processes, so only the
 * number and the start together identify a process.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { environment } from './environment.ts';
import { codeOf } from './failures.ts';

/** Whether there is a process with this number. */
export const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
};

/**
 * When a process began, in the system's own words; `undefined` if it has ended, or if the system
 * does not tell.
 */
export const startOf = (
  pid: number,
  platform: NodeJS.Platform = process.platform,
): string | undefined => (platform === 'linux' ? startInProc(pid) : startByPs(pid));

const startInProc = (pid: number): string | undefined => {
  // proc(5): the name in brackets may contain anything. The state is field 3, and the start, in
  // ticks since the boot, is field 22.
  const fields = read(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, '')
    .split(' ');
  if (fields === undefined || 'ZX'.includes(fields[0] ?? '')) return undefined;
  // Ticks count from the boot, so they alone could be those of a process of an earlier boot. Some
  // sandboxes show no boot id.
  const boot = read('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
  return `${boot} ${fields[19]}`.trim();
};

const read = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
};

const startByPs = (pid: number): string | undefined => {
  // One `-o` for each field: on macOS the header after `=` goes up to the end of the argument.
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)], {
    env: { ...environment, LC_ALL: 'C', TZ: 'UTC0' },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 5_000,
  });
  // If there is no `ps`, its output is null.
  const [, start] = /^ *[^ Z]\S* +(\S.*\S) *$/m.exec(stdout ?? '') ?? [];
  return start;
};
