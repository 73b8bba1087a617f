/**
 * Finds out when a process began. The system reuses the numbers of ended processes, so only the
 * number and the start together identify a process.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { environment } from '../../system/environment.ts';
import { isRunning } from '../output/drafts.ts';

/** Names this machine or container. Others may share its home, but not its process numbers. */
export const machineName = (): string => {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
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
  const told = platform === 'linux' ? startsInProc(pids) : startsByPs(pids, platform);
  return told ?? new Map(pids.filter(isRunning).map((pid) => [pid, null]));
};

const startsInProc = (pids: readonly number[]): Map<number, string> | undefined => {
  const boot = read('/proc/sys/kernel/random/boot_id')?.trim();
  if (boot === undefined || read('/proc/self/stat') === undefined) return undefined;
  const starts = new Map<number, string>();
  for (const pid of pids) {
    // proc(5): the name in brackets may contain anything. The state is field 3, and the start, in
    // ticks since the boot, is field 22.
    const fields = read(`/proc/${pid}/stat`)
      ?.replace(/^.*\) /s, '')
      .split(' ');
    if (fields && !'ZX'.includes(fields[0] ?? '')) starts.set(pid, `${boot} ${fields[19]}`);
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

const startsByPs = (
  pids: readonly number[],
  platform: NodeJS.Platform,
): Map<number, string> | undefined => {
  if (platform === 'win32') return undefined;
  const { error, stdout } = spawnSync('ps', ['-o', 'pid=,stat=,lstart=', '-p', pids.join(',')], {
    env: { ...environment, LC_ALL: 'C', TZ: 'UTC0' },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 5_000,
  });
  if (error) return undefined;
  const lines = [...stdout.matchAll(/^ *(\d+) +([^ Z]\S*) +(\S.*\S) *$/gm)];
  return new Map(lines.map(([, pid, , start = '']) => [Number(pid), start]));
};
