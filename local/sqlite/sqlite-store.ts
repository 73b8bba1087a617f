/** A vault's file, as the vault that serves it and as the commands beside it use it. */
import { type Stats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { jsonOf } from '../../functions/store/item-json.ts';
import type { Item, ItemKey } from '../../functions/store/items.ts';
import { NotSent, type Table } from '../../functions/store/ports.ts';
import { syncPath } from '../../system/files.ts';
import { type Access, openDatabase } from './database.ts';
import { type LogFile, openLogFile } from './log-file.ts';
import { keyOf, parseItem } from './rows.ts';
import { createSqliteItems } from './sqlite-items.ts';
import { pageUnitsMax, prepareStatements, type Statements } from './statements.ts';
import { createWriter, type Disk, type Step } from './writer.ts';

const pageItemsMax = 1_000;

export type SqliteStore = Table & {
  /** Deletes at most `limit` items that expired before this second since the epoch. Returns how many. */
  readonly deleteExpired: (second: number, limit: number) => Promise<number>;
  /** Refuses all writes from now on, or takes them again. Called before the disk is full, because a commit must not fail. */
  readonly refuseWrites: (areRefused: boolean) => void;
  /** Settles if nobody knows any more what is on the disk. The process must then end; the next start finds out. */
  readonly failed: Promise<Error>;
};

const codeOf = (error: unknown): number =>
  Number((error as { readonly errcode?: number }).errcode ?? 0) & 0xff;
const busy = 5;

const diskOf = (
  database: DatabaseSync,
  log: LogFile | undefined,
  mayWrite: () => boolean,
): Disk => {
  const [begin, commit, rollback] = ['BEGIN IMMEDIATE', 'COMMIT', 'ROLLBACK'].map((sql) =>
    database.prepare(sql),
  );
  return {
    begin: () => {
      if (!mayWrite()) throw new Error('the disk is almost full');
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

const isSameFile = (one: Stats, other: Stats): boolean =>
  one.ino === other.ino && one.dev === other.dev;

function* groupsOf(items: readonly Item[]): Generator<readonly Item[]> {
  let group: Item[] = [];
  let units = 0;
  for (const item of items) {
    group.push(item);
    units += jsonOf(item).length;
    if (units < pageUnitsMax) continue;
    yield group;
    [group, units] = [[], 0];
  }
  if (group.length > 0) yield group;
}

/** Puts the items that are missing. Its result are the keys of other items. */
const putGroup = (statements: Statements, group: readonly Item[]): Step<readonly ItemKey[]> => {
  const [others, changed]: [ItemKey[], string[]] = [[], []];
  let bytes = 0;
  for (const item of group) {
    const key = keyOf(item);
    const stored = statements.find(key);
    if (stored === undefined) {
      bytes += statements.put(key, item, undefined);
      changed.push(key.pk);
    } else if (stored !== jsonOf(item)) others.push(key);
  }
  return { result: others, bytes, changed };
};

/** Reads from a connection of its own, whose one statement shows one moment while others write. */
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
      // From the first row on the moment is fixed. Nothing of it may be lost after it was shown.
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

/** `access`: see `database.ts`. Throws a sentence if the file cannot be used. */
export const openSqliteStore = (file: string, access: Access): SqliteStore => {
  const database = openDatabase(file, access);
  const opened = statSync(file);
  const log = access === 'serve' ? openLogFile(file, database) : undefined;
  let areRefused = false;
  const failed = Promise.withResolvers<Error>();
  const statements = prepareStatements(database);
  const writer = createWriter(
    diskOf(database, log, () => !areRefused),
    failed.resolve,
  );
  const checkFile = async (): Promise<void> => {
    const there = await stat(file).catch((cause: unknown) => {
      throw new NotSent('unavailable', { cause });
    });
    if (!isSameFile(opened, there)) throw new NotSent('unavailable');
  };
  const never = new AbortController().signal;

  return {
    itemsOf: createSqliteItems(statements, writer, checkFile),
    pages: (pk) => readPages(file, pk),

    async get(key) {
      const text = statements.find(key);
      await writer.pendingOf([key.pk]);
      return text === undefined ? undefined : parseItem(text);
    },

    async putAbsent(items) {
      const others: ItemKey[] = [];
      for (const group of groupsOf(items)) {
        others.push(...(await writer.run(() => putGroup(statements, group), never)));
      }
      return others;
    },

    deleteExpired: (second, limit) =>
      writer.run(() => {
        const deleted = statements.deleteExpired(second, limit);
        return { result: deleted, bytes: deleted, changed: deleted > 0 ? [''] : [] };
      }, never),

    refuseWrites: (refused) => {
      areRefused = refused;
    },

    findProblems: async () => [],
    failed: failed.promise,

    async close() {
      await writer.idle();
      // A close would move the log into the file, which only the next start may do if the log is not known to be on the disk.
      if (writer.ended()) return;
      await log?.close();
      database.close();
    },
  };
};
