/**
 * Writes the log that an earlier process left to disk once more, before a vault serves what it
 * holds.
 *
 * That process may have ended because a sync of the log failed. Linux then counts the pages as
 * clean: programs still read them, but no later sync writes them. Commits that follow them in the
 * log would be lost with them when the power is cut. Writing the same bytes over them is not
 * enough, because ext4 may treat their blocks as empty for ever. So the log becomes a new file.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { failure, misconfigured, sentenceOf } from '../../system/failures.ts';
import { replaceFile } from '../../system/files.ts';
import { programsWith } from '../process/locks.ts';

/** How long a vault waits for programs that read the store, such as a backup. */
export const readersMs = 30_000;

/** SQLite's code for a lock that another program holds. */
const busy = 5;

const inUse = (file: string, cause: unknown): Error => {
  const programs = programsWith(file);
  const names = programs.length > 0 ? programs.join(', ') : 'a backup or an inspect';
  return failure(
    `the store ${file} is being read by ${names}, and a vault can only start when nothing reads it: ` +
      'wait until that has ended, then start again',
    { cause },
  );
};

/**
 * Renews the log, moves it into the store's file and removes it. Does nothing if there is no log.
 * Throws a user-facing error if the store is missing, another program still has it open after
 * `waitMs`, or the disk fails. `settings` are the statements that set up a connection.
 */
export const renewLog = (file: string, settings: string, waitMs = readersMs): void => {
  const log = `${file}-wal`;
  if (!statSync(log, { throwIfNoEntry: false })?.size) return;
  // SQLite would delete a log that has no file.
  if (!existsSync(file)) {
    throw misconfigured(
      `the store ${file} is missing, and its log ${log} is there: put the store back, or move the log away and restore ` +
        'the last backup',
    );
  }
  const database = new DatabaseSync(file, { timeout: waitMs });
  try {
    // A program that has the log open would go on with the old file. With this lock there is none.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT');
    database.exec(settings);
    move(database, log);
  } catch (error) {
    const { errcode = 0 } = error as { readonly errcode?: number };
    if ((errcode & 0xff) === busy) throw inUse(file, error);
    throw error;
  } finally {
    database.close();
  }
};

/**
 * All of the log must be on disk before the first of its pages goes into the store's file. If the
 * power is cut in between, the next start does the same again. Windows does not let a program
 * replace a file that is open.
 */
const move = (database: DatabaseSync, log: string): void => {
  try {
    if (process.platform !== 'win32') replaceFile(log, readFileSync(log));
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch (error) {
    throw failure(
      `the log ${log} of the store cannot be written to disk (${sentenceOf(error)}): look at the disk, then start again`,
      { cause: error },
    );
  }
};
