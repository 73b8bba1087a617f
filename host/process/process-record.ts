/**
 * Records of processes in files, with which other commands and later starts find what runs on a
 * folder. A record has the pid and the start, so the record of a killed process is recognised as
 * stale, even after the machine has started again.
 */
import type { ChildProcess } from 'node:child_process';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { codeOf } from '../../system/failures.ts';
import { readFileIfPresent, replaceFile } from '../../system/files.ts';
import { startOf } from '../../system/process-starts.ts';

/** Identifies a process: the system may reuse a pid, but then the start differs. */
const processRecord = v.object({ pid: v.number(), startTime: v.string() });
export type ProcessRecord = v.InferOutput<typeof processRecord>;

/** Returns the record of a running process; `undefined` if it does not run. */
export const recordOf = (pid: number): ProcessRecord | undefined => {
  const startTime = startOf(pid);
  return startTime ? { pid, startTime } : undefined;
};

/**
 * The memory that a process uses, in bytes; `null` if it does not run, or if the system does not
 * report it.
 */
export const residentBytesOf = (pid: number): number | null => {
  try {
    const [, kibibytes] =
      /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
    return kibibytes === undefined ? null : Number(kibibytes) * 1_024;
  } catch {
    return null;
  }
};

export const isRunning = ({ pid, startTime }: ProcessRecord): boolean =>
  recordOf(pid)?.startTime === startTime;

/**
 * Returns the process that a file records if it still runs. Releases up to 2.0.0 left the boot out
 * of the start. Their records count only in a file that was written since the boot.
 */
const runningIn = (file: string, { pid, startTime }: ProcessRecord): ProcessRecord | undefined => {
  const now = recordOf(pid);
  if (now === undefined || now.startTime === startTime) return now;
  const { mtimeMs = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {};
  const isOfThisBoot = mtimeMs > Date.now() - 1_000 * uptime();
  return isOfThisBoot && now.startTime.endsWith(` ${startTime}`) ? now : undefined;
};

/**
 * Records a child in `file`, replacing the previous record. If the disk is so full that the file
 * cannot be written, the child runs without a record, because its parent could otherwise not
 * recover by itself once there is space.
 */
export const rememberChild = (file: string, child: ChildProcess): void => {
  const record = child.pid === undefined ? undefined : recordOf(child.pid);
  if (record === undefined) return;
  try {
    replaceFile(file, JSON.stringify(record));
  } catch (error) {
    if (!['ENOSPC', 'EDQUOT'].includes(codeOf(error) ?? '')) throw error;
  }
};

const parseRecord = (text: string): ProcessRecord | undefined => {
  try {
    return v.parse(processRecord, JSON.parse(text));
  } catch {
    return undefined;
  }
};

/** Returns the child recorded in `file` if it still runs. */
export const findRememberedChild = (file: string): ProcessRecord | undefined => {
  const text = readFileIfPresent(file);
  const record = text === undefined ? undefined : parseRecord(text);
  return record && runningIn(file, record);
};

/** Ends the child recorded in `file` if it still runs. Returns when it is gone. */
export const endRememberedChild = async (file: string): Promise<void> => {
  const record = findRememberedChild(file);
  if (record === undefined) return;
  process.kill(record.pid, 'SIGKILL');
  while (isRunning(record)) await sleep(5);
};

/**
 * Creates a kind of record: a file with this name in a folder, which says what a process serves
 * there. `remember` records this process, which must call `forget` before it ends. `find` returns
 * what a process has recorded there, or `undefined` if that process no longer runs, even if it was
 * killed.
 */
export const createRecord = <Entries extends v.ObjectEntries>(
  name: string,
  what: v.ObjectSchema<Entries, undefined>,
) => {
  type Content = v.InferOutput<v.ObjectSchema<Entries, undefined>>;
  const fileOf = (folder: string): string => join(folder, name);
  return {
    remember: (folder: string, content: Content): void => {
      const record = { process: recordOf(process.pid), ...content };
      replaceFile(fileOf(folder), JSON.stringify(record, undefined, 2));
    },
    forget: (folder: string): void => {
      try {
        rmSync(fileOf(folder), { force: true });
      } catch {
        // In a folder that has become read-only the record stays. It is stale once this process has
        // ended, and an error here would hide the reason why it ends.
      }
    },
    find: (folder: string): Content | undefined => {
      const file = fileOf(folder);
      const text = readFileIfPresent(file);
      if (text === undefined) return undefined;
      const record: unknown = JSON.parse(text);
      const owner = v.safeParse(v.object({ process: processRecord }), record);
      if (!owner.success || !runningIn(file, owner.output.process)) return undefined;
      const { success, output } = v.safeParse(what, record);
      return success ? output : undefined;
    },
  };
};
