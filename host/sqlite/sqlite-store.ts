/**
 * The store in a vault's SQLite file, for the vault that serves it and for the commands that run
 * next to it.
 */
import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Item } from '../../functions/store/items.ts';
import { NotSent, type RestorableTable } from '../../functions/store/ports.ts';
import { syncPath } from '../../system/files.ts';
import { type Access, openDatabase } from './database.ts';
import { watchFiles } from './open-files.ts';
import { parseItem } from './rows.ts';
import { createSqliteItems, judgeAndPut } from './sqlite-items.ts';
import { pageUnitsMax, prepareStatements } from './statements.ts';
import { openWriteAheadLog, type WriteAheadLog } from './write-ahead-log.ts';
import { createWriter, type Disk } from './writer.ts';

const pageItemsMax = 1_000;

export type SqliteStore = RestorableTable & {
  /**
   * Deletes at most `limit` items that expired before `second` (since the epoch). Returns how many
   * it deleted.
   */
  readonly deleteExpired: (second: number, limit: number) => Promise<number>;
  /**
   * Refuses all writes from now on, or accepts them again. Called before the disk is full, because
   * a commit must not fail.
   */
  readonly refuseWrites: (areRefused: boolean) => void;
  /**
   * Returns the path at which the store's file, its log or the log's index no longer is. If the
   * file or the log was deleted, the store fails. If the log was moved, or another file is at the
   * path of the store, the log is copied into the store and emptied, because no start could do it.
   */
  readonly findMoved: () => string | undefined;
  /**
   * Settles when it is no longer known what is on disk. The process must then exit; the next start
   * finds out.
   */
  readonly failed: Promise<Error>;
};

const codeOf = (error: unknown): number =>
  Number((error as { readonly errcode?: number }).errcode ?? 0) & 0xff;
const busy = 5;

const diskOf = (
  database: DatabaseSync,
  log: WriteAheadLog | undefined,
  mayWrite: () => boolean,
): Disk => {
  const [begin, commit, rollback] = ['BEGIN IMMEDIATE', 'COMMIT', 'ROLLBACK'].map((sql) =>
    database.prepare(sql),
  );
  return {
    begin: () => {
      if (!mayWrite()) throw new Error('the disk is almost full, or a file was moved');
      begin?.run();
    },
    commit: () => void commit?.run(),
    rollback: () => void rollback?.run(),
    isOpen: () => database.isTransaction,
    isBusy: (error) => codeOf(error) === busy,
    sync: log?.sync ?? (async () => undefined),
    tidy: log?.tidy ?? (async () => undefined),
  };
};

/**
 * Reads pages through a separate connection. Its only statement sees one consistent state, even
 * while others write.
 */
async function* readPages(file: string, pk: string | undefined): AsyncGenerator<readonly Item[]> {
  const database = openDatabase(file, 'read');
  try {
    const all = 'SELECT item FROM items';
    const rows =
      pk === undefined
        ? database.prepare(`${all} ORDER BY pk, sk`).iterate()
        : database.prepare(`${all} WHERE pk = ? ORDER BY sk`).iterate(pk);
    let page: Item[] = [];
    let units = 0;
    let isSynced = false;
    for (const { item } of rows as Iterable<{ readonly item: string }>) {
      // The first row fixes the state that the statement sees. It must be on disk before any of it
      // is returned.
      if (!isSynced) syncPath(`${file}-wal`);
      isSynced = true;
      page.push(parseItem(item));
      units += item.length;
      if (units < pageUnitsMax && page.length < pageItemsMax) continue;
      yield page;
      [page, units] = [[], 0];
      await nextTurn();
    }
    if (page.length > 0) yield page;
  } finally {
    database.close();
  }
}

/**
 * Opens the store. `access` is explained in `database.ts`. Throws a user-facing error if the file
 * cannot be used.
 */
export const openSqliteStore = (
  file: string,
  access: Access,
  openLog: typeof openWriteAheadLog = openWriteAheadLog,
): SqliteStore => {
  const database = openDatabase(file, access);
  const log = access === 'serve' ? openLog(file, database) : undefined;
  const files = log && watchFiles(file, log);
  let areRefused = false;
  const failed = Promise.withResolvers<Error>();
  const statements = prepareStatements(database);
  const writer = createWriter(
    diskOf(
      database,
      log && {
        ...log,
        sync: async () => {
          await log.sync();
          const deleted = files?.findDeleted();
          if (deleted !== undefined) throw new Error(`${deleted} was deleted`);
        },
      },
      // A deleted file is found when the write has been synced.
      () => (!areRefused && files?.findMoved() === undefined) || files?.findDeleted() !== undefined,
    ),
    (error) => failed.resolve(files?.endOf() ?? error),
  );
  const checkFile = async (): Promise<void> => {
    if (files?.findMoved() !== undefined) throw new NotSent('unavailable');
  };
  const never = new AbortController().signal;
  /**
   * Copies the log into the file that is open, wherever that is now, and empties it. Returns
   * whether this is done, which a program that reads the store can prevent.
   */
  const emptyLog = (): boolean => {
    try {
      return database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] === 0;
    } catch {
      return false;
    }
  };
  /** Makes the store fail if a file was deleted: the sync after any write finds that. */
  const failIfDeleted = async (): Promise<void> => {
    if (files?.findDeleted() === undefined) return;
    const touch = () => ({ result: undefined, bytes: 0, changed: [''] });
    // `failed` reports the error.
    await writer.run(touch, never).catch(() => undefined);
  };

  return {
    itemsOf: createSqliteItems(statements, writer, checkFile),
    pages: (pk) => readPages(file, pk),

    async get(key) {
      const text = statements.find(key);
      await writer.pendingOf([key.pk]);
      return text === undefined ? undefined : parseItem(text);
    },

    write: (guards) => writer.run(() => judgeAndPut(statements, guards), never),

    deleteExpired: (second, limit) =>
      writer.run(() => {
        const deleted = statements.deleteExpired(second, limit);
        // Nothing waits for the sync: a record that comes back after a crash is deleted again.
        return { result: deleted, bytes: deleted, changed: [] };
      }, never),

    refuseWrites: (refused) => {
      areRefused = refused;
    },

    findMoved: () => {
      const moved = files?.findMoved();
      if (files?.findDeleted() !== undefined) void failIfDeleted();
      // After a kill, the next start would not find the log, or copy it into another file.
      else if (moved === `${file}-wal` || files?.isReplaced()) emptyLog();
      return moved;
    },

    findProblems: async () => [],
    failed: failed.promise,

    async close() {
      await failIfDeleted();
      await writer.idle();
      // Closing the database would copy the log into the file. If the log may not be on disk, only
      // the next start may do that.
      if (writer.ended()) return;
      if (files?.isReplaced() && !emptyLog()) files.setLogAside();
      await log?.close();
      database.close();
      files?.close();
    },
  };
};
