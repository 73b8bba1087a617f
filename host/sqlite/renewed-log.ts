/**
 * Writes the log of a store to disk as a new file, which then holds what SQLite's log held.
 *
 * A vault does this before it serves what an earlier process left. That process may have ended
 * because a sync of the log failed. Linux then counts the pages as clean: programs still read them,
 * but no later sync writes them. Commits that follow them in the log would be lost with them when
 * the power is cut. Writing the same bytes over them is not enough, because ext4 may treat their
 * blocks as empty forever.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { failure, misconfigured, sentenceOf } from '../../system/failures.ts';
import { moveDraft } from '../../system/files.ts';
import { programsWith } from '../process/locks.ts';

/** How long a vault waits for programs that read the store, such as a backup. */
const readersMs = 30_000;

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

const pieceBytes = 1_048_576;

/**
 * Replaces the log by a copy of the file that `source` has open, which may have been deleted. Once
 * this has returned, the copy is on disk. The log may be larger than the memory.
 */
export const rewriteLog = (log: string, source: number): void => {
  // Always the same name, so that the next start removes what a killed one has left.
  const draft = `${log}.draft`;
  rmSync(draft, { force: true });
  try {
    const copy = openSync(draft, 'wx', 0o600);
    try {
      const piece = Buffer.allocUnsafe(pieceBytes);
      let at = 0;
      for (;;) {
        const length = readSync(source, piece, 0, pieceBytes, at);
        if (length === 0) break;
        writeFileSync(copy, piece.subarray(0, length));
        at += length;
      }
      fsyncSync(copy);
    } finally {
      closeSync(copy);
    }
    moveDraft(draft, log);
  } finally {
    rmSync(draft, { force: true });
  }
};

/**
 * Connections that are never closed, not even by the garbage collection: that would move a log into
 * the store's file although it could not be renewed.
 */
const unclosed: DatabaseSync[] = [];

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/**
 * Renews the log, moves it into the store's file and removes it. Does nothing if an earlier process
 * has left neither a log nor an index of one. Throws a user-facing error if the store is missing,
 * another program still has it open after `waitMs`, or the disk fails; then the process must end.
 * `settings` are the statements that set up a connection.
 */
export const renewLog = (file: string, settings: string, waitMs = readersMs): void => {
  const log = `${file}-wal`;
  const hasLog = sizeOf(log) > 0;
  // An index without a log means that somebody has deleted the log. SQLite would trust the index
  // and start writing in the middle of the next log.
  if (!hasLog && !existsSync(`${file}-shm`)) return;
  // Without the store's file, SQLite would delete the log.
  if (hasLog && sizeOf(file) === 0) {
    throw misconfigured(
      `the store ${file} is missing or empty, and its log ${log} is there: put the store back, or move the log away ` +
        'and restore the last backup',
    );
  }
  const database = new DatabaseSync(file, { timeout: waitMs });
  unclosed.push(database);
  try {
    // A program that has the log open would keep using the old file. The lock makes sure that no
    // other program has it open.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT');
    database.exec(settings);
    move(database, log);
  } catch (error) {
    const { errcode = 0 } = error as { readonly errcode?: number };
    if ((errcode & 0xff) === busy) throw inUse(file, error);
    throw error;
  }
  unclosed.pop();
  database.close();
};

/**
 * All of the log must be on disk before the first of its pages goes into the store's file. If the
 * power is cut in between, the next start does the same again.
 */
const move = (database: DatabaseSync, log: string): void => {
  try {
    if (sizeOf(log) > 0) renew(log);
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch (error) {
    throw failure(
      `the log ${log} of the store cannot be written to disk (${sentenceOf(error)}): look at the disk, then start again`,
      { cause: error },
    );
  }
};

const renew = (log: string): void => {
  const source = openSync(log, 'r');
  try {
    rewriteLog(log, source);
  } finally {
    closeSync(source);
  }
};
