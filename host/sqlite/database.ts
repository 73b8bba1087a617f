/**
 * The SQLite file of a vault has one table of items. A row has the item as JSON and the columns by
 * which items are looked up. The file uses a write-ahead log, so readers and the writer never wait
 * for each other.
 */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { failure, isFailure, misconfigured, sentenceOf } from '../../system/failures.ts';
import { renewLog } from './renewed-log.ts';

/**
 * The store's file in the data folder. SQLite keeps two more files next to it: its log (`-wal`) and
 * the log's index (`-shm`).
 */
export const storeFile = 'vault.sqlite';

/** The application id "DSVT", by which programs such as `file` recognise the file. */
const applicationId = 0x44_53_56_54;
const formatVersion = 1;

/**
 * SQLite truncates the log to this length when it begins to write the log from its start again.
 * While a long read runs, SQLite cannot do that, and the log can grow beyond this length.
 */
const logBytesKept = 16 * 1_048_576;

/**
 * `tenant` and `name` are set for heads only, so that names can be listed without reading values.
 * `expires` is the second at which a record expires.
 *
 * A table WITHOUT ROWID would store rows above 1,002 bytes, which most are, in separate pages. That
 * took three times the disk space and twice the time per write.
 */
const schema = `
  CREATE TABLE items (
    pk TEXT NOT NULL,
    sk TEXT NOT NULL,
    item TEXT NOT NULL,
    tenant TEXT,
    name TEXT,
    expires INTEGER,
    PRIMARY KEY (pk, sk)
  ) STRICT;
  CREATE INDEX names ON items (tenant, name) WHERE name IS NOT NULL;
  CREATE INDEX expiries ON items (expires) WHERE expires IS NOT NULL;
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${formatVersion};
`;

/**
 * `serve` creates the file if it is missing, renews the log of an earlier process, and leaves
 * syncing the log after each commit to the caller. `write` also creates the file, but each commit
 * syncs before it returns. `read` changes nothing and needs an existing file.
 */
export type Access = 'serve' | 'write' | 'read';

/**
 * How long a program waits for a lock, which others hold for milliseconds only. A serving vault
 * waits only while it opens the file.
 */
const lockMs = 5_000;

const settings = (access: Access): string => `
  PRAGMA synchronous = ${access === 'serve' ? 'NORMAL' : 'FULL'};
  PRAGMA fullfsync = ON;
  PRAGMA checkpoint_fullfsync = ON;
  PRAGMA wal_autocheckpoint = 0;
  PRAGMA journal_size_limit = ${logBytesKept};
`;

/**
 * Opens the file. Throws a user-facing error if it is missing and only to be read, or if it is
 * damaged or was written by an unknown release.
 */
export const openDatabase = (file: string, access: Access): DatabaseSync => {
  if (access === 'read' && !existsSync(file)) throw failure(`there is no store ${file}`);
  let database: DatabaseSync | undefined;
  try {
    if (access === 'serve') renewLog(file, settings('write'));
    database = new DatabaseSync(file, { readOnly: access === 'read', timeout: lockMs });
    if (access !== 'read') make(database);
    database.exec(settings(access));
    checkFormat(database, file);
    // A serving vault must not block its other requests while another program holds the lock.
    if (access === 'serve') database.exec('PRAGMA busy_timeout = 0');
    return database;
  } catch (error) {
    database?.close();
    if (isFailure(error)) throw error;
    if (/not a database|malformed/.test(sentenceOf(error))) {
      throw misconfigured(`the store ${file} is damaged, or is not a database`, error);
    }
    throw failure(`the store ${file} cannot be used: ${sentenceOf(error)}`, { cause: error });
  }
};

/** Creates the table in a new file. Two programs may do this at the same time. */
const make = (database: DatabaseSync): void => {
  const hasTable = () => database.prepare('SELECT 1 FROM sqlite_schema').get() !== undefined;
  if (hasTable()) return;
  database.exec('PRAGMA journal_mode = WAL; BEGIN IMMEDIATE');
  if (!hasTable()) database.exec(schema);
  database.exec('COMMIT');
};

const numberOf = (database: DatabaseSync, pragma: string): number =>
  Number(Object.values(database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0]);

const checkFormat = (database: DatabaseSync, file: string): void => {
  if (numberOf(database, 'application_id') !== applicationId) {
    throw misconfigured(`the store ${file} is a database of another program`);
  }
  const version = numberOf(database, 'user_version');
  if (version === formatVersion) return;
  throw misconfigured(
    `the store ${file} has format ${version}, and this release knows format ${formatVersion}: use the release that wrote it`,
  );
};
