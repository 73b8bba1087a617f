/**
 * Records of processes in files, with which other commands and later starts find what runs on a
 * folder. A record has the pid and the start time, so the record of a killed process is recognised
 * as stale.
 */
import { type ChildProcess, execFileSync, type StdioOptions } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { codeOf } from '../../system/failures.ts';
import { readFileIfPresent, replaceFile } from '../../system/files.ts';

/** Identifies a process: the system may reuse a pid, but then the start time differs. */
export const processRecord = v.object({ pid: v.number(), startTime: v.string() });
export type ProcessRecord = v.InferOutput<typeof processRecord>;

const startTimeOf = (pid: number): string | undefined => {
  try {
    if (process.platform !== 'linux') return askStartTime(pid);
    // The start time is field 22 of /proc/<pid>/stat. Field 2, the program's name, may contain
    // blanks and parentheses.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? undefined : fields[18];
  } catch {
    return undefined;
  }
};

/**
 * Asks a program of the operating system when the process began. Throws if there is no such
 * process.
 */
const askStartTime = (pid: number): string | undefined => {
  const windows = `(Get-Process -Id ${pid}).StartTime.ToFileTimeUtc()`;
  const [program, ...args] =
    process.platform === 'win32'
      ? (['powershell.exe', '-NoProfile', '-NonInteractive', '-Command', windows] as const)
      : (['ps', '-o', 'lstart=', '-p', String(pid)] as const);
  // Every process that asks must get the same text, whatever its user's time zone and language.
  const env = { ...process.env, TZ: 'UTC', LC_ALL: 'C' };
  const stdio: StdioOptions = ['ignore', 'pipe', 'ignore'];
  return execFileSync(program, args, { encoding: 'utf8', env, stdio }).trim() || undefined;
};

/** Returns the record of a running process; `undefined` if it does not run. */
export const recordOf = (pid: number): ProcessRecord | undefined => {
  const startTime = startTimeOf(pid);
  return startTime === undefined ? undefined : { pid, startTime };
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
  startTimeOf(pid) === startTime;

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
  return record !== undefined && isRunning(record) ? record : undefined;
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
    forget: (folder: string): void => rmSync(fileOf(folder), { force: true }),
    find: (folder: string): Content | undefined => {
      const text = readFileIfPresent(fileOf(folder));
      if (text === undefined) return undefined;
      const record: unknown = JSON.parse(text);
      const owner = v.safeParse(v.object({ process: processRecord }), record);
      if (!owner.success || !isRunning(owner.output.process)) return undefined;
      const { success, output } = v.safeParse(what, record);
      return success ? output : undefined;
    },
  };
};
