/**
 * Records which versions the programs have that `dsvault run` started on this machine: one private
 * file for each in the cache folder, without values and arguments. `dsvault ps` reads them.
 */
import { randomUUID } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { cacheFolder } from '../../system/environment.ts';
import { failure } from '../../system/failures.ts';
import { machineName, startsOf } from '../../system/process-starts.ts';
import { isOpenToOthers } from '../output/private-files.ts';

const programRecord = v.object({
  machine: v.string(),
  pid: v.number(),
  /** When the process began, in the system's own words; `null` if the system does not tell. */
  start: v.nullable(v.string()),
  since: v.string(),
  /** The name of the program without its folder. */
  program: v.string(),
  addr: v.string(),
  tenant: v.optional(v.string()),
  versions: v.array(
    v.object({ name: v.string(), version: v.number(), anchor: v.optional(v.string()) }),
  ),
});
export type ProgramRecord = v.InferOutput<typeof programRecord>;

const recordsFolder = (): string => join(cacheFolder(), 'programs');

const isOwn = ({ uid }: Stats): boolean => uid === (process.getuid?.() ?? uid);

/** Whether only this user can write to the folder, or read it. False for a link. */
const isOwnFolder = (folder: string): boolean => {
  const stats = lstatSync(folder);
  return stats.isDirectory() && isOwn(stats) && !isOpenToOthers(stats);
};

/** Creates the folder, except in a home of another user, which HOME names under sudo. */
const makeFolder = (folder: string): void => {
  let above = folder;
  while (!existsSync(above)) above = dirname(above);
  if (isOwn(statSync(above))) mkdirSync(folder, { recursive: true, mode: 0o700 });
};

/**
 * The programs that still run on this machine, the oldest first. Removes the records of those that
 * have ended.
 */
export const readRecords = (): readonly ProgramRecord[] => {
  const folder = recordsFolder();
  if (!existsSync(folder)) return [];
  if (!isOwnFolder(folder)) {
    throw failure(`${folder} is not private: remove it, and dsvault run makes it again`);
  }
  const machine = machineName();
  const records = readdirSync(folder).flatMap((name) => {
    const file = join(folder, name);
    const record = name.endsWith('.json') ? readRecord(file) : undefined;
    return record?.machine === machine ? [{ ...record, file }] : [];
  });
  const starts = startsOf(records.map(({ pid }) => pid));
  const living = records.filter(({ file, pid, start }) => {
    const now = starts.get(pid);
    if (now !== undefined && (now === null || start === null || now === start)) return true;
    rmSync(file, { force: true });
    return false;
  });
  return living.sort((one, other) => (one.since < other.since ? -1 : 1));
};

/** Reads a record; `undefined` if it is gone, or if another release wrote it in another form. */
const readRecord = (file: string): ProgramRecord | undefined => {
  const text = ignoringErrors(() => readFileSync(file, 'utf8'));
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), programRecord), text);
  return parsed.success ? parsed.output : undefined;
};

/**
 * Keeps the record of a program while it runs. Errors are ignored, for example if there is no home,
 * because a program runs as well without a record.
 */
export const openRecord = (about: Pick<ProgramRecord, 'program' | 'addr' | 'tenant'>) => {
  const folder = recordsFolder();
  const file = join(folder, `${randomUUID()}.json`);
  let last: Pick<ProgramRecord, 'pid' | 'start' | 'since'> | undefined;
  return {
    /** Records the process that now runs the program, and its versions. */
    write: (pid: number, versions: ProgramRecord['versions']): void =>
      ignoringErrors(() => {
        if (last?.pid !== pid) {
          makeFolder(folder);
          readRecords();
          const start = startsOf([pid]).get(pid);
          if (start === undefined) return;
          last = { pid, start, since: new Date().toISOString() };
        }
        const record = { machine: machineName(), ...last, ...about, versions };
        // Not flushed to the disk, because no record outlives a restart of the machine.
        writeFileSync(`${file}.draft`, JSON.stringify(record), { mode: 0o600 });
        renameSync(`${file}.draft`, file);
      }),
    remove: (): void => ignoringErrors(() => rmSync(file, { force: true })),
  };
};

const ignoringErrors = <Result>(action: () => Result): Result | undefined => {
  try {
    return action();
  } catch {
    return undefined;
  }
};
