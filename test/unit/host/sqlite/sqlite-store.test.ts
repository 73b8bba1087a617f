/**
 * The store over real files: what it keeps, what it refuses, and which other programs may use a
 * file at the same time.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import fs, {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { NotSent } from '../../../../functions/store/ports.ts';
import { putItems } from '../../../../host/backup/table.ts';
import { openDatabase } from '../../../../host/sqlite/database.ts';
import { keepExpiring } from '../../../../host/sqlite/expiry.ts';
import { renewLog } from '../../../../host/sqlite/renewed-log.ts';
import { openSqliteStore, type SqliteStore } from '../../../../host/sqlite/sqlite-store.ts';
import { openWriteAheadLog } from '../../../../host/sqlite/write-ahead-log.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { requestContext } from '../../../support/requests.ts';

const opened: SqliteStore[] = [];
afterEach(async () => {
  jest.restoreAllMocks();
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
const openFiles = (): readonly string[] =>
  readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/self/fd/${descriptor}`)];
    } catch {
      // The descriptor of the folder itself is closed by now.
      return [];
    }
  });
const reasonOf = async (write: Promise<unknown>): Promise<unknown> =>
  await write.then(
    (result) => result,
    (error) => (error instanceof NotSent ? error.reason : 'unclear'),
  );

/** Leaves a file and its log as a killed vault does: nothing of the log is in the file. */
const leaveLog = async (...names: readonly string[]): Promise<string> => {
  const [file, left] = [freshFile(), freshFile()];
  const store = open(file);
  for (const name of names) await put(store, name);
  for (const part of ['', '-wal']) copyFileSync(`${file}${part}`, `${left}${part}`);
  return left;
};

describe('the database file', () => {
  it('names its program and its format, and uses a write-ahead log and UTF-8', () => {
    const file = freshFile();
    open(file);
    const database = new DatabaseSync(file, { readOnly: true });
    const settings = ['application_id', 'user_version', 'journal_mode', 'encoding'].map(
      (name) => Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0],
    );
    database.close();
    expect(settings).toEqual([0x44535654, 1, 'wal', 'UTF-8']);
  });

  it('holds everything that was acknowledged before a kill', async () => {
    expect(await namesIn(open(await leaveLog('KEPT'), 'read'))).toEqual(['KEPT']);
  });

  it.each<[string, (file: string) => void, RegExp]>([
    [
      'is not a database',
      (file) => writeFileSync(file, 'x'.repeat(5_000)),
      /is damaged, or is not a database$/,
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
  ])('is refused for both the vault and a reader, and closed, if it %s', (_, make, sentence) => {
    const file = freshFile();
    make(file);
    for (const access of ['serve', 'read'] as const) {
      expect(() => openSqliteStore(file, access)).toThrow(sentence);
      expect(openFiles()).not.toContain(file);
    }
  });

  it('is made once if two programs open a new one at the same time', async () => {
    const file = freshFile();
    const exec = DatabaseSync.prototype.exec;
    jest.spyOn(DatabaseSync.prototype, 'exec').mockImplementationOnce(function (
      this: DatabaseSync,
      sql,
    ) {
      // The first program has seen an empty file and is about to take the lock.
      open(file, 'write');
      exec.call(this, sql);
    });
    const [first, second] = [open(file), opened[0]];
    expect(second && (await put(second, 'ONE'))).toBe('written');
    expect(await namesIn(first)).toEqual(['ONE']);
  });

  it('is not created by a reader', () => {
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

  it.each([
    ['store', ''],
    ['log', '-wal'],
    ["log's index", '-shm'],
  ])(
    'accepts no writes and is not ready while the %s is moved away, and the store names its path',
    async (_, part) => {
      const file = freshFile();
      const path = `${file}${part}`;
      const store = open(file);
      const state = async () => [
        await reasonOf(store.itemsOf(requestContext()).probe()),
        await reasonOf(put(store, randomUUID())),
        store.findMoved(),
      ];
      const fine = [{ replicated: false }, 'written', undefined];
      expect(await state()).toEqual(fine);
      renameSync(path, `${path}.away`);
      expect(await state()).toEqual(['unavailable', 'unavailable', path]);
      copyFileSync(`${path}.away`, path);
      expect(await state()).toEqual(['unavailable', 'unavailable', path]);
      renameSync(`${path}.away`, path);
      expect(await state()).toEqual(fine);
    },
  );
});

describe('a file that is deleted while the vault has it open', () => {
  const ends = async (store: SqliteStore) => (await store.failed).message;

  it('makes the store fail without another acknowledgement, and its log is recreated', async () => {
    const file = freshFile();
    const store = open(file);
    expect(await put(store, 'ONE')).toBe('written');
    rmSync(`${file}-wal`);
    expect(await reasonOf(put(store, 'TWO'))).toBe('unclear');
    expect(await reasonOf(put(store, 'THREE'))).toBe('unavailable');
    expect(await reasonOf(store.itemsOf(requestContext()).probe())).toBe('unavailable');
    expect(await ends(store)).toBe(
      `the vault ends, because ${file}-wal was deleted while it ran. The vault has recreated it, with all ` +
        'acknowledged writes: start the vault',
    );
    const left = freshFile();
    for (const part of ['', '-wal']) copyFileSync(`${file}${part}`, `${left}${part}`);
    expect(await namesIn(open(left))).toEqual(['ONE', 'TWO']);
  });

  it('keeps what was acknowledged although a program reads an older state and the disk fails', async () => {
    const [file, left] = [freshFile(), freshFile()];
    let isBroken = false;
    const store = openSqliteStore(file, 'serve', (...of) => {
      const log = openWriteAheadLog(...of);
      const sync = async () => {
        if (isBroken) throw new Error('EIO: i/o error');
        await log.sync();
      };
      return { ...log, sync };
    });
    await put(store, 'ONE');
    const reader = new DatabaseSync(file, { readOnly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT item FROM items').all();
    for (let index = 0; index < 20; index++) await put(store, `LATER${index}`);
    rmSync(`${file}-wal`);
    isBroken = true;
    expect(await reasonOf(put(store, 'LAST'))).toBe('unclear');
    expect(await ends(store)).toContain('The vault has recreated it, with all acknowledged writes');
    for (const part of ['', '-wal']) copyFileSync(`${file}${part}`, `${left}${part}`);
    reader.close();
    const names = await namesIn(open(left));
    expect(names.filter((name) => name !== 'LAST')).toHaveLength(21);
  });

  it('says that the last backup is needed if the log cannot be written again', async () => {
    const file = freshFile();
    const store = open(file);
    await put(store, 'ONE');
    rmSync(`${file}-wal`);
    const rename = jest.spyOn(fs, 'renameSync').mockImplementation(() => {
      throw new Error('ENOSPC: no space left on device');
    });
    expect(await reasonOf(put(store, 'TWO'))).toBe('unclear');
    expect(await ends(store)).toMatch(/cannot be recreated \(ENOSPC.*\): restore the last backup$/);
    rename.mockRestore();
    expect(existsSync(`${file}-wal.draft`)).toBe(false);
  });

  it('is found although nobody writes, and although writes are refused', async () => {
    const file = freshFile();
    const store = open(file);
    await put(store, 'ONE');
    store.refuseWrites(true);
    rmSync(`${file}-wal`);
    expect(store.findMoved()).toBe(`${file}-wal`);
    expect(await ends(store)).toContain(`${file}-wal was deleted`);
  });

  it('is found by a stop, too', async () => {
    const [file, left] = [freshFile(), freshFile()];
    const store = openSqliteStore(file, 'serve');
    await put(store, 'ONE');
    const reader = openSqliteStore(file, 'read');
    rmSync(`${file}-wal`);
    await store.close();
    expect(await ends(store)).toContain('The vault has recreated it, with all acknowledged writes');
    await reader.close();
    for (const part of ['', '-wal']) copyFileSync(`${file}${part}`, `${left}${part}`);
    expect(await namesIn(open(left))).toEqual(['ONE']);
  });

  it('needs the last backup if it is the store itself', async () => {
    const file = freshFile();
    const store = open(file);
    await put(store, 'ONE');
    rmSync(file);
    expect(await reasonOf(put(store, 'TWO'))).toBe('unclear');
    expect(await ends(store)).toMatch(
      /: move \S+-wal and \S+-shm away, and restore the last backup$/,
    );
    expect(() => openSqliteStore(file, 'serve')).toThrow('is missing or empty, and its log');
  });
});

describe('a store in whose place somebody puts another one', () => {
  const items = (letter: string) => Array.from({ length: 200 }, (_, index) => `${letter}${index}`);
  const fill = async (store: SqliteStore, names: readonly string[]): Promise<void> => {
    await Promise.all(names.map((name) => put(store, name)));
  };
  /** A vault that has stored `OLD…`, and the file of another one with `NEW…`. */
  const running = async () => {
    const [file, other] = [freshFile(), freshFile()];
    const restored = openSqliteStore(other, 'serve');
    await fill(restored, items('NEW'));
    await restored.close();
    const store = openSqliteStore(file, 'serve');
    await fill(store, items('OLD'));
    return { file, other, store };
  };
  const survives = async (file: string, letter: string) =>
    expect([...(await namesIn(open(file)))].sort()).toEqual(items(letter).sort());

  it('ends by itself, and the next start uses the new file without the old log', async () => {
    const { file, other, store } = await running();
    renameSync(other, file);
    expect(await reasonOf(put(store, 'LAST'))).toBe('unclear');
    const { message } = await store.failed;
    const ended = `the vault ends, because ${file} was deleted or replaced while it ran`;
    expect(message).toContain(`${ended}. The next start uses the file that is there now, without `);
    expect(existsSync(message.split('without ')[1] ?? '')).toBe(true);
    await survives(file, 'NEW');
  });

  it('leaves a log alone that was put there together with the new store', async () => {
    const [{ file, store }, other] = [await running(), await running()];
    for (const part of ['', '-wal']) copyFileSync(`${other.file}${part}`, `${file}${part}.new`);
    for (const part of ['', '-wal']) renameSync(`${file}${part}.new`, `${file}${part}`);
    const log = readFileSync(`${file}-wal`);
    expect(await reasonOf(put(store, 'LAST'))).toBe('unclear');
    expect((await store.failed).message).toContain(
      'The next start uses the file that is there now',
    );
    expect(readFileSync(`${file}-wal`)).toEqual(log);
    await survives(file, 'OLD');
    await other.store.close();
  });

  it('says what to move away if it cannot rename the log', async () => {
    const { file, other, store } = await running();
    renameSync(other, file);
    const rename = jest.spyOn(fs, 'renameSync').mockImplementation(() => {
      throw new Error('EROFS: read-only file system');
    });
    expect(await reasonOf(put(store, 'LAST'))).toBe('unclear');
    expect((await store.failed).message).toMatch(
      /cannot be renamed \(EROFS.*\): move \S+-wal and \S+-shm away, then start the vault$/,
    );
    rename.mockRestore();
  });

  it('leaves no log for it at a stop', async () => {
    const { file, other, store } = await running();
    renameSync(file, `${file}.away`);
    copyFileSync(other, file);
    await store.close();
    await survives(file, 'NEW');
    await survives(`${file}.away`, 'OLD');
  });

  it('leaves no log for it at a stop while a program reads it, and loses nothing', async () => {
    const { file, other, store } = await running();
    const reader = new DatabaseSync(file, { readOnly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT item FROM items').all();
    const last = await put(store, 'LAST');
    expect(last).toBe('written');
    renameSync(file, `${file}.away`);
    copyFileSync(other, file);
    await store.close();
    reader.close();
    const [log = ''] = readdirSync(dirname(file)).filter((name) => /-wal\../.test(name));
    renameSync(join(dirname(file), log), `${file}.away-wal`);
    await survives(file, 'NEW');
    expect(await namesIn(open(`${file}.away`))).toHaveLength(201);
  });

  it('leaves no log for it before a kill, once it has looked', async () => {
    const { file, other, store } = await running();
    renameSync(file, `${file}.away`);
    copyFileSync(other, file);
    expect(store.findMoved()).toBe(file);
    const left = freshFile();
    for (const part of ['', '-wal', '-shm']) copyFileSync(`${file}${part}`, `${left}${part}`);
    await survives(left, 'NEW');
  });

  it('has all of a log that was moved away before a kill, once it has looked', async () => {
    const { file, store } = await running();
    renameSync(`${file}-wal`, `${file}-wal.away`);
    expect(store.findMoved()).toBe(`${file}-wal`);
    const left = freshFile();
    for (const part of ['', '-shm']) copyFileSync(`${file}${part}`, `${left}${part}`);
    await survives(left, 'OLD');
  });
});

describe('the write-ahead log', () => {
  const large = { bytes: { B: Buffer.alloc(60_000, 7) } };
  const fill = async (store: SqliteStore, letter: string): Promise<void> => {
    const names = Array.from({ length: 120 }, (_, index) => `${letter}${index}`);
    await Promise.all(names.map((name) => put(store, name, large)));
  };
  const logBytes = (file: string) => statSync(`${file}-wal`).size;

  it('is moved into the file when it is long, and then starts over', async () => {
    const file = freshFile();
    const store = open(file);
    const empty = statSync(file).size;
    for (const letter of ['A', 'B', 'C']) await fill(store, letter);
    expect(statSync(file).size).toBeGreaterThan(empty + 20_000_000);
    expect(logBytes(file)).toBeLessThan(8_000_000);
  });

  it('grows while a reader holds an older snapshot, and becomes short again afterwards', async () => {
    const file = freshFile();
    const store = open(file);
    await put(store, 'FIRST');
    const pages = store.pages();
    // The snapshot is taken when the first page is read, so the items written here are in it.
    await putItems(
      store.write,
      Array.from({ length: 1_200 }, (_, index) => itemOf(`S${index}`)),
    );
    await pages.next();
    for (const letter of ['A', 'B', 'C', 'D']) await fill(store, letter);
    const grown = logBytes(file);
    expect(grown).toBeGreaterThan(20_000_000);
    await pages.return(undefined);
    for (const letter of ['E', 'F']) await fill(store, letter);
    expect(logBytes(file)).toBeLessThanOrEqual(16 * 1_048_576);
  });
});

describe('the log of a killed vault', () => {
  /** Keeps the store open in another process until `end`, or for this time. */
  const readElsewhere = async (file: string, ms = 60_000) => {
    const script = `
      const { DatabaseSync } = require('node:sqlite');
      const database = new DatabaseSync(process.argv[1], { readOnly: true });
      database.prepare('SELECT * FROM items').all();
      console.log('reads');
      process.stdin.on('end', () => process.exit()).resume();
      setTimeout(() => process.exit(), ${ms});`;
    const child = spawn(process.execPath, ['-e', script, file], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    const end = async () => {
      child.stdin.end();
      await once(child, 'close');
    };
    return { pid: child.pid, end };
  };

  it('is on disk as a new file before any of it goes into the store, which then holds all of it', async () => {
    const left = await leaveLog('ONE', 'TWO');
    const before = [readFileSync(left), readFileSync(`${left}-wal`)];
    const renamed: unknown[] = [];
    const rename = fs.renameSync;
    jest.spyOn(fs, 'renameSync').mockImplementation((from, to) => {
      renamed.push(readFileSync(left), readFileSync(from), to);
      rename(from, to);
    });
    const store = open(left);
    expect(renamed).toEqual([...before, `${left}-wal`]);
    expect(statSync(`${left}-wal`)).toMatchObject({ size: 0 });
    expect(await namesIn(store)).toEqual(['ONE', 'TWO']);
  });

  it('keeps a vault from starting while another program reads, which the message names', async () => {
    const left = await leaveLog('KEPT');
    const { pid, end } = await readElsewhere(left);
    const parts = () => ['', '-wal'].map((part) => readFileSync(`${left}${part}`));
    const before = parts();
    expect(() => renewLog(left, '', 0)).toThrow(
      new RegExp(
        `^the store ${left} is being read by process ${pid} \\(.*\\), and a vault can only start when nothing reads it`,
      ),
    );
    expect(parts()).toEqual(before);
    await end();
    // The start that failed ends with its process, and until then it has the store open.
    const next = freshFile();
    for (const part of ['', '-wal']) copyFileSync(`${left}${part}`, `${next}${part}`);
    expect(await namesIn(open(next))).toEqual(['KEPT']);
  });

  it.each([
    ['missing', () => undefined],
    ['empty', (file: string) => writeFileSync(file, '')],
  ])('is kept, and no vault starts, if the store is %s', async (_, replace) => {
    const left = await leaveLog('KEPT');
    renameSync(left, `${left}.away`);
    replace(left);
    expect(() => open(left)).toThrow(
      `the store ${left} is missing or empty, and its log ${left}-wal is there`,
    );
    renameSync(`${left}.away`, left);
    expect(await namesIn(open(left))).toEqual(['KEPT']);
  });

  it('keeps a vault from starting while another program has its index, even if the log was deleted', async () => {
    const left = await leaveLog('KEPT');
    const { end } = await readElsewhere(left);
    rmSync(`${left}-wal`);
    expect(() => renewLog(left, '', 0)).toThrow(`the store ${left} is being read by`);
    await end();
  });

  it('leaves nothing of an earlier draft of it', async () => {
    const left = await leaveLog('KEPT');
    writeFileSync(`${left}-wal.draft`, 'half of a log');
    expect(await namesIn(open(left))).toEqual(['KEPT']);
    expect(existsSync(`${left}-wal.draft`)).toBe(false);
  });

  it('is renewed by a vault that starts once the program that reads has ended', async () => {
    const left = await leaveLog('KEPT');
    const { end } = await readElsewhere(left, 500);
    expect(await namesIn(open(left))).toEqual(['KEPT']);
    await end();
  });
});

describe('a disk failure', () => {
  const eio = () => {
    throw new Error('EIO: i/o error');
  };

  it('makes a start fail with an error that names the log and says what to do', async () => {
    const left = await leaveLog('KEPT');
    const parts = () => ['', '-wal'].map((part) => readFileSync(`${left}${part}`));
    const before = parts();
    const rename = jest.spyOn(fs, 'renameSync').mockImplementation(eio);
    expect(() => openSqliteStore(left, 'serve')).toThrow(
      `the log ${left}-wal of the store cannot be written to disk (EIO: i/o error): ` +
        'look at the disk, then start again',
    );
    rename.mockRestore();
    expect(parts()).toEqual(before);
  });

  it('at a sync leaves the log for the next start, and closing the store moves none of it into the file', async () => {
    const file = freshFile();
    const store = openSqliteStore(file, 'serve', (...of) => ({
      ...openWriteAheadLog(...of),
      sync: async () => eio(),
    }));
    const parts = () => ['', '-wal'].map((part) => readFileSync(`${file}${part}`));
    expect(await reasonOf(put(store, 'ONE'))).toBe('unclear');
    const failed = parts();
    await store.close();
    expect(parts()).toEqual(failed);
  });
});

describe('another program that uses the database of a running vault', () => {
  it("throttles the vault's writes while it holds the lock, but not its reads", async () => {
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

  it('may write, and neither it nor the vault can create an item that the other has created', async () => {
    const file = freshFile();
    const [vault, command] = [open(file), open(file, 'write')];
    expect(await put(command, 'ONE')).toBe('written');
    expect(await put(vault, 'ONE')).toMatchObject([{ is: 'failed' }]);
    expect(await put(vault, 'TWO')).toBe('written');
    expect(await put(command, 'TWO')).toMatchObject([{ is: 'failed' }]);
  });

  it('syncs the log to the disk before it returns what the log holds', async () => {
    const file = freshFile();
    await put(open(file), 'ONE');
    const pathOf = (descriptor: number) => readlinkSync(`/proc/self/fd/${descriptor}`);
    const synced: string[] = [];
    jest.spyOn(fs, 'fsyncSync').mockImplementation((descriptor) => {
      synced.push(pathOf(descriptor));
    });
    const reader = open(file, 'read');
    await reader.pages().next();
    expect(synced).toEqual([`${file}-wal`]);
  });

  it('changes no byte of the file or the log by reading, not even if the vault was killed', async () => {
    const left = await leaveLog('KEPT');
    const parts = () => ['', '-wal'].map((part) => readFileSync(`${left}${part}`));
    const before = parts();
    const reader = openSqliteStore(left, 'read');
    expect(await namesIn(reader)).toEqual(['KEPT']);
    await reader.close();
    expect(parts()).toEqual(before);
  });
});

describe('a store whose disk is almost full', () => {
  it('refuses every write but keeps reading until there is room', async () => {
    const store = open(freshFile());
    await put(store, 'ONE');
    store.refuseWrites(true);
    expect(await reasonOf(put(store, 'TWO'))).toBe('unavailable');
    expect(await namesIn(store)).toEqual(['ONE']);
    store.refuseWrites(false);
    expect(await put(store, 'TWO')).toBe('written');
  });
});

describe('the expiry of items in the store', () => {
  it('deletes in steps what expired before the current second, and nothing else', async () => {
    const store = open(freshFile());
    const record = (name: string, second: number) => ({
      ...{ pk: { S: name }, sk: { S: 'RECORD' }, expiresAt: { N: String(second) } },
    });
    const old = Array.from({ length: 250 }, (_, index) => record(`OLD${index}`, 99));
    await putItems(store.write, [...old, record('NOW', 100), record('LATER', 101)]);
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

describe('a damaged database row', () => {
  it('makes its item unreadable, but does not make writes of other items fail', async () => {
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
