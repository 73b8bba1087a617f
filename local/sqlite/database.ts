/**
 * The SQLite file of a vault: one table of items. An item is kept as its JSON, with the columns beside it by which it is
 * found. Opened in the mode of a write-ahead log, so readers and the writer never wait for each other.
 */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { failure, isFailure, sentenceOf } from '../../system/failures.ts';

/** The store's file in the data folder. SQLite keeps two more beside it: its log (`-wal`) and the log's index (`-shm`). */
export const storeFile = 'vault.sqlite';

/** What SQLite shows as the kind of file to programs such as `file`: "DSVT". */
const applicationId = 0x44_53_56_54;
const formatVersion = 1;

/** The log is cut to this length when SQLite begins it again. A reader that takes long lets it grow. */
const logBytesKept = 16 * 1_048_576;

/**
 * `tenant` and `name` are those of a head, so that names are listed without a look at any value; `expires` is the second
 * at which a record expires. A table WITHOUT ROWID would keep rows above 1,002 bytes, which most are, in a page of their
 * own: it took 3 times the disk, and twice the time for each write.
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
 * `serve`: makes the file if it is missing; its owner syncs the log after each commit. `write`: the same, but each commit
 * returns when it is on the disk. `read`: changes nothing, and the file must be there.
 */
export type Access = 'serve' | 'write' | 'read';

/** How long a program waits for a lock that another one holds for some milliseconds. */
const lockMs = 5_000;

const settings = (access: Access): string => `
  PRAGMA synchronous = ${access === 'serve' ? 'NORMAL' : 'FULL'};
  PRAGMA fullfsync = ON;
  PRAGMA checkpoint_fullfsync = ON;
  PRAGMA wal_autocheckpoint = 0;
  PRAGMA journal_size_limit = ${logBytesKept};
`;

/** Opens the file. Throws a sentence if it is missing, damaged, or not this release's. */
export const openDatabase = (file: string, access: Access): DatabaseSync => {
  if (access === 'read' && !existsSync(file)) throw failure(`there is no store ${file}`);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { readOnly: access === 'read', timeout: lockMs });
    if (access !== 'read') make(database);
    database.exec(settings(access));
    checkFormat(database, file);
    // A vault has other requests to serve while another program holds the lock.
    if (access === 'serve') database.exec('PRAGMA busy_timeout = 0');
    return database;
  } catch (error) {
    database?.close();
    if (isFailure(error)) throw error;
    throw failure(`the store ${file} ${whyUnusable(error)}`, { cause: error });
  }
};

/** Makes the table in a new file. Two programs may do so at once. */
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
    throw failure(`the store ${file} is a database of another program`);
  }
  const version = numberOf(database, 'user_version');
  if (version === formatVersion) return;
  throw failure(
    `the store ${file} has format ${version}, and this release knows format ${formatVersion}: use the release that wrote it`,
  );
};

const whyUnusable = (error: unknown): string =>
  /not a database|malformed/.test(sentenceOf(error))
    ? 'is damaged, or is no database'
    : `cannot be used: ${sentenceOf(error)}`;
