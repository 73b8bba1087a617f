/** The store over real files: what it keeps, what it refuses, and who may use a file beside it. */
import {
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it } from '@jest/globals';
import { NotSent } from '../../../../functions/store/ports.ts';
import { openDatabase } from '../../../../local/sqlite/database.ts';
import { keepExpiring } from '../../../../local/sqlite/expiry.ts';
import { openSqliteStore, type SqliteStore } from '../../../../local/sqlite/sqlite-store.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { requestContext } from '../../../support/requests.ts';

const opened: SqliteStore[] = [];
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});
const open = (file: string, access: 'serve' | 'write' | 'read' = 'serve'): SqliteStore => {
  const store = openSqliteStore(file, access);
  opened.push(store);
  return store;
};
const freshFile = () => join(freshFolder(), 'vault.sqlite');

const keyOf = (name: string) => ({ pk: `TENANT#t#SECRET#${name}`, sk: 'HEAD' });
const itemOf = (name: string, more: object = {}) => ({
  pk: { S: keyOf(name).pk },
  sk: { S: 'HEAD' },
  tenant: { S: 't' },
  name: { S: name },
  ...more,
});
const put = (store: SqliteStore, name: string, more?: object) =>
  store
    .itemsOf(requestContext())
    .write([{ key: keyOf(name), expected: { is: 'absent' }, put: itemOf(name, more) }]);
const namesIn = async (store: SqliteStore): Promise<readonly string[]> => {
  const names: string[] = [];
  for await (const page of store.pages()) names.push(...page.map(({ name }) => name?.S ?? ''));
  return names;
};
const reasonOf = async (write: Promise<unknown>): Promise<unknown> =>
  await write.then(
    (result) => result,
    (error) => (error instanceof NotSent ? error.reason : 'unclear'),
  );

describe('the file', () => {
  it('says what it is, and keeps a log that is written before it', () => {
    const file = freshFile();
    open(file);
    const database = new DatabaseSync(file, { readOnly: true });
    const settings = ['application_id', 'user_version', 'journal_mode', 'encoding'].map(
      (name) => Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0],
    );
    database.close();
    expect(settings).toEqual([0x44535654, 1, 'wal', 'UTF-8']);
  });

  it('holds after a kill what was acknowledged before', async () => {
    const [file, left] = [freshFile(), freshFile()];
    const store = open(file);
    await put(store, 'KEPT');
    // As a killed process leaves them: nothing was moved into the file.
    for (const part of ['', '-wal']) copyFileSync(`${file}${part}`, `${left}${part}`);
    expect(await namesIn(open(left, 'read'))).toEqual(['KEPT']);
  });

  it.each<[string, (file: string) => void, RegExp]>([
    [
      'is no database',
      (file) => writeFileSync(file, 'x'.repeat(5_000)),
      /is damaged, or is no database$/,
    ],
    [
      'is of another program',
      (file) => {
        const other = new DatabaseSync(file);
        other.exec('CREATE TABLE t (a)');
        other.close();
      },
      /is a database of another program$/,
    ],
    [
      'is of a later format',
      (file) => {
        const later = openDatabase(file, 'write');
        later.exec('PRAGMA user_version = 2');
        later.close();
      },
      /has format 2, and this release knows format 1: use the release that wrote it$/,
    ],
  ])('is refused if it %s, for the vault and for a reader', (_, make, sentence) => {
    const file = freshFile();
    make(file);
    for (const access of ['serve', 'read'] as const) {
      expect(() => openSqliteStore(file, access)).toThrow(sentence);
    }
  });

  it('is not made by a reader', () => {
    const file = freshFile();
    expect(() => openSqliteStore(file, 'read')).toThrow(/^there is no store /);
    expect(existsSync(file)).toBe(false);
  });

  it('is not written by a reader', async () => {
    const file = freshFile();
    await put(open(file), 'ONE');
    expect(await reasonOf(put(open(file, 'read'), 'TWO'))).toBe('unavailable');
    expect(await namesIn(open(file, 'read'))).toEqual(['ONE']);
  });

  it('must be the one that was opened for the store to be ready', async () => {
    const file = freshFile();
    const store = open(file);
    const probe = () => reasonOf(store.itemsOf(requestContext()).probe());
    expect(await probe()).toEqual({ replicated: false });
    renameSync(file, `${file}.away`);
    expect(await probe()).toBe('unavailable');
    copyFileSync(`${file}.away`, file);
    expect(await probe()).toBe('unavailable');
    renameSync(`${file}.away`, file);
    expect(await probe()).toEqual({ replicated: false });
  });
});

describe('the log', () => {
  const large = { bytes: { B: Buffer.alloc(60_000, 7) } };
  const fill = async (store: SqliteStore, letter: string): Promise<void> => {
    const names = Array.from({ length: 120 }, (_, index) => `${letter}${index}`);
    await Promise.all(names.map((name) => put(store, name, large)));
  };
  const logBytes = (file: string) => statSync(`${file}-wal`).size;

  it('is moved into the file when it is long, and begins again', async () => {
    const file = freshFile();
    const store = open(file);
    const empty = statSync(file).size;
    for (const letter of ['A', 'B', 'C']) await fill(store, letter);
    expect(statSync(file).size).toBeGreaterThan(empty + 20_000_000);
    expect(logBytes(file)).toBeLessThan(8_000_000);
  });

  it('grows while a reader shows an older moment, and is short again after it', async () => {
    const file = freshFile();
    const store = open(file);
    await put(store, 'FIRST');
    const pages = store.pages();
    // The first page fixes the moment.
    await store.putAbsent(Array.from({ length: 1_200 }, (_, index) => itemOf(`S${index}`)));
    await pages.next();
    for (const letter of ['A', 'B', 'C', 'D']) await fill(store, letter);
    const grown = logBytes(file);
    expect(grown).toBeGreaterThan(20_000_000);
    await pages.return(undefined);
    for (const letter of ['E', 'F']) await fill(store, letter);
    expect(logBytes(file)).toBeLessThanOrEqual(16 * 1_048_576);
  });
});

describe('a program beside the vault', () => {
  it('that holds the lock throttles the writes of the vault, and none of its reads', async () => {
    const file = freshFile();
    const store = open(file);
    await put(store, 'ONE');
    const other = openDatabase(file, 'write');
    other.exec('BEGIN IMMEDIATE');
    expect(await reasonOf(put(store, 'TWO'))).toBe('throttled');
    expect(await store.get(keyOf('ONE'))).toMatchObject({ name: { S: 'ONE' } });
    other.close();
    expect(await put(store, 'TWO')).toBe('written');
  });

  it('may write, and its writes and those of the vault are judged against each other', async () => {
    const file = freshFile();
    const [vault, command] = [open(file), open(file, 'write')];
    expect(await put(command, 'ONE')).toBe('written');
    expect(await put(vault, 'ONE')).toMatchObject([{ is: 'failed' }]);
    expect(await put(vault, 'TWO')).toBe('written');
    expect(await put(command, 'TWO')).toMatchObject([{ is: 'failed' }]);
  });

  it('changes no byte of the file and the log by reading, not even if the vault was killed', async () => {
    const [file, left] = [freshFile(), freshFile()];
    await put(open(file), 'KEPT');
    for (const part of ['', '-wal']) copyFileSync(`${file}${part}`, `${left}${part}`);
    const parts = () => ['', '-wal'].map((part) => readFileSync(`${left}${part}`));
    const before = parts();
    const reader = openSqliteStore(left, 'read');
    expect(await namesIn(reader)).toEqual(['KEPT']);
    await reader.close();
    expect(parts()).toEqual(before);
  });
});

describe('a store whose disk is almost full', () => {
  it('refuses every write and goes on reading until there is room', async () => {
    const store = open(freshFile());
    await put(store, 'ONE');
    store.refuseWrites(true);
    expect(await reasonOf(put(store, 'TWO'))).toBe('unavailable');
    expect(await namesIn(store)).toEqual(['ONE']);
    store.refuseWrites(false);
    expect(await put(store, 'TWO')).toBe('written');
  });
});

describe('expiry', () => {
  it('deletes what expired before the second, in steps, and nothing else', async () => {
    const store = open(freshFile());
    const record = (name: string, second: number) => ({
      ...{ pk: { S: name }, sk: { S: 'RECORD' }, expiresAt: { N: String(second) } },
    });
    const old = Array.from({ length: 250 }, (_, index) => record(`OLD${index}`, 99));
    await store.putAbsent([...old, record('NOW', 100), record('LATER', 101)]);
    await put(store, 'SECRET');
    expect(await store.deleteExpired(100, 30)).toBe(30);
    const expiry = keepExpiring(store, () => 100_500);
    await expiry.expire();
    expiry.close();
    const left: string[] = [];
    for await (const page of store.pages()) left.push(...page.map(({ pk }) => pk?.S ?? ''));
    expect(left).toEqual(['LATER', 'NOW', keyOf('SECRET').pk]);
  });
});

describe('a damaged row', () => {
  it('is an item that nobody can read, and fails no write beside it', async () => {
    const file = freshFile();
    const store = open(file);
    await put(store, 'ONE');
    const database = openDatabase(file, 'write');
    database.exec(`UPDATE items SET item = '{"pk'`);
    database.close();
    const [damaged, other] = await Promise.all([put(store, 'ONE'), put(store, 'TWO')]);
    expect(damaged).toEqual([{ is: 'failed', item: {} }]);
    expect(other).toBe('written');
    expect(await store.get(keyOf('ONE'))).toEqual({});
  });
});
