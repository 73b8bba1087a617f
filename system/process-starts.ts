/**
 * Finds out when a process began. The system reuses the numbers of ended processes, so only the
 * number and the start together identify a process.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { environment } from './environment.ts';
import { codeOf } from './failures.ts';

/** Names this machine or container. Others may share its home, but not its process numbers. */
export const machineName = (): string => {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
};

/** Whether there is a process with this number. */
export const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
};

/**
 * When each of these processes began, in the system's own words; without those that have ended.
 * `null` if the system does not tell.
 */
export const startsOf = (
  pids: readonly number[],
  platform: NodeJS.Platform = process.platform,
): ReadonlyMap<number, string | null> => {
  const told = platform === 'linux' ? startsInProc(pids) : startsByPs(pids);
  return told ?? new Map(pids.filter(isRunning).map((pid) => [pid, null]));
};

const startsInProc = (pids: readonly number[]): Map<number, string> | undefined => {
  if (read('/proc/self/stat') === undefined) return undefined;
  // Ticks count from the boot, so they alone could be those of a process of an earlier boot. Some
  // sandboxes show no boot id.
  const boot = read('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
  const starts = new Map<number, string>();
  for (const pid of pids) {
    // proc(5): the name in brackets may contain anything. The state is field 3, and the start, in
    // ticks since the boot, is field 22.
    const fields = read(`/proc/${pid}/stat`)
      ?.replace(/^.*\) /s, '')
      .split(' ');
    if (fields && !'ZX'.includes(fields[0] ?? '')) starts.set(pid, `${boot} ${fields[19]}`.trim());
  }
  return starts;
};

const read = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
};

const startsByPs = (pids: readonly number[]): Map<number, string> | undefined => {
  // One `-o` for each field: on macOS the header after `=` goes up to the end of the argument.
  const fields = ['pid=', 'stat=', 'lstart='].flatMap((field) => ['-o', field]);
  const { error, stdout } = spawnSync('ps', [...fields, '-p', pids.join(',')], {
    env: { ...environment, LC_ALL: 'C', TZ: 'UTC0' },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 5_000,
  });
  if (error) return undefined;
  const lines = [...stdout.matchAll(/^ *(\d+) +([^ Z]\S*) +(\S.*\S) *$/gm)];
  return new Map(lines.map(([, pid, , start = '']) => [Number(pid), start]));
};
