/** Backs up and restores the embedded store of `npm start`, whose data are in one SQLite file of the data folder. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createDynamodbTable } from '../../functions/dynamodb/dynamodb-table.ts';
import { formatInstant, keyIdOf } from '../../functions/model/types.ts';
import { failure, isFailure, sentenceOf } from '../../system/failures.ts';
import { syncPath } from '../../system/files.ts';
import { dynoxide, restoreFolder, storeFile } from '../dynamodb/dynoxide.ts';
import { ensureTable, ensureTimeToLive } from '../dynamodb/ensure-table.ts';
import { type LocalStore, startStore, uncheckedKey } from '../dynamodb/local-store.ts';
import { findVaultId, openVaultId } from '../identity/vault-id.ts';
import { describeKeyFile, followMasterKey, masterKeyFile } from '../kms/key-file.ts';
import { isKeyInKms, rememberKey } from '../kms/vault-key.ts';
import { lockDataFolder, openDataFolder, root } from '../process/data-folder.ts';
import { endRememberedChild } from '../process/process-record.ts';
import { readTemplate } from '../template.ts';
import { runningRecord } from '../vaults/vault-records.ts';
import { type Backup, readBackup } from './file.ts';
import { type Manifest, type Source, tallyOf } from './format.ts';
import { sampleBackup } from './key-fits.ts';
import type { Progress } from './progress.ts';
import { putItems, readTable } from './table.ts';

/** Only the embedded store can be copied as of one moment, and only its file can be replaced by another one. */
const refuseOtherStores = (folder: string): void => {
  if (process.env['AWS_ENDPOINT_URL_DYNAMODB']) {
    throw failure(
      'AWS_ENDPOINT_URL_DYNAMODB names a store elsewhere, which is backed up and restored by its own means: ' +
        'docs/deploy/aws.md says how for AWS',
    );
  }
  const isEmbedded = runningRecord.find(folder)?.storeIsEmbedded;
  if (isEmbedded) return;
  if (isEmbedded === false) {
    throw failure(
      `the vault that runs on ${folder} has its data in another store: only the embedded one is backed up and restored`,
    );
  }
  const other = join(folder, 'dynamodb-local');
  if (!existsSync(other)) return;
  throw failure(
    existsSync(join(folder, storeFile))
      ? `${folder} has data in the embedded store and in DynamoDB Local: move ${storeFile} or ${other} away, whichever ` +
          'the vault does not use'
      : `the data of ${folder} are in DynamoDB Local, which cannot be backed up: only the embedded store can`,
  );
};

/** The table of `npm start` without `TABLE_NAME`. */
const presetTable = 'vault';

const tableNameOf = (folder: string): string =>
  runningRecord.find(folder)?.tableName ?? (process.env['TABLE_NAME'] || presetTable);

const connect = ({ endpoint }: LocalStore): DynamoDBClient =>
  new DynamoDBClient({
    region: 'us-east-1',
    endpoint,
    credentials: uncheckedKey,
  });

/** Some MB of pages of SQLite. */
const pagesAtOnce = 2_048;

/**
 * Copies the store as of one moment, whether it is served or not, and returns that moment. The open read keeps SQLite
 * at that moment while others write.
 */
const copyStore = async (from: string, to: string, { tell }: Progress): Promise<number> => {
  let store: DatabaseSync | undefined;
  try {
    store = new DatabaseSync(from, { readOnly: true });
    store.exec('BEGIN');
    store.prepare('SELECT count(*) FROM sqlite_schema').get();
    const takenAt = Date.now();
    await backup(store, to, {
      rate: pagesAtOnce,
      progress: ({ totalPages, remainingPages }) =>
        tell(`copied ${Math.floor((1 - remainingPages / totalPages) * 100)} % of the store`),
    });
    return takenAt;
  } catch (error) {
    throw failure(`the store ${from} cannot be copied (${sentenceOf(error)})`, { cause: error });
  } finally {
    store?.close();
  }
};

/**
 * Opens the items of the embedded store as of now, whether the vault runs or not. `draft` is an empty folder for a copy
 * of the store, which a second store serves until all pages are read. Throws a sentence if there is no such store.
 */
export const openEmbedded = async (
  folder: string,
  draft: string,
  progress: Progress,
): Promise<Source> => {
  refuseOtherStores(folder);
  const file = join(folder, storeFile);
  if (!existsSync(file)) throw failure(`there is no vault in the data folder ${folder}`);
  const vault = openVaultId(folder, process.env);
  const tableName = tableNameOf(folder);
  const takenAt = formatInstant(await copyStore(file, join(draft, storeFile), progress));
  const store = await startStore(dynoxide(root), draft, () => undefined);
  const dynamodb = connect(store);
  async function* pages() {
    try {
      yield* readTable(createDynamodbTable(dynamodb, tableName), tableName);
    } finally {
      dynamodb.destroy();
      await store.close();
    }
  }
  return { facts: { vault, table: tableName, takenAt, store: 'dynoxide' }, pages: pages() };
};

/** Throws a sentence unless the folder waits for this backup: it has no data, and the key and the id of the vault. */
const checkFits = (folder: string, { facts, manifest }: Backup): void => {
  const id = findVaultId(folder);
  if (id !== undefined && id !== facts.vault) {
    throw failure(
      `the backup is of the vault ${facts.vault}, and the data folder ${folder} is of the vault ${id}: set ` +
        'VAULT_DATA_DIR to another folder',
    );
  }
  if (!process.env['TABLE_NAME'] && facts.table !== presetTable) {
    throw failure(
      `the backup is of the table ${facts.table}: set TABLE_NAME to it, here and for npm start, which otherwise makes a ` +
        'new, empty table',
    );
  }
  // Nothing is known of a key elsewhere, but inspect --verify uses it.
  if (!isKeyInKms(process.env)) checkKey(folder, manifest);
};

/** Opens the key file of the folder; `undefined` if it is missing, or the key is in a KMS. */
const findKeyFile = (folder: string) => {
  const file = masterKeyFile(folder, process.env);
  if (isKeyInKms(process.env) || !existsSync(file)) return undefined;
  const { arn, keyId } = describeKeyFile(file);
  return { file, arn, key: followMasterKey(file, { keyId }) };
};

const checkKey = (folder: string, { masterKeyIds }: Manifest): void => {
  const file = masterKeyFile(folder, process.env);
  const wanted = masterKeyIds.map(keyIdOf);
  if (!existsSync(file)) {
    throw failure(
      `the master key is missing: copy the kms.json of the lost data folder to ${file}, from where you keep it`,
    );
  }
  const { arn } = describeKeyFile(file);
  if (masterKeyIds.length === 0 || masterKeyIds.includes(arn)) return;
  throw failure(
    `${file} holds the master key ${keyIdOf(arn)}, and the values of the backup need ${wanted.join(' and ')}: copy ` +
      'the kms.json of that key there',
  );
};

/**
 * Puts all that SQLite has beside its file into the file, and the file onto the disk. A store that was killed, because
 * its end took too long, leaves writes beside it. Throws a sentence if the disk is full.
 */
export const settle = (file: string): void => {
  let store: DatabaseSync | undefined;
  try {
    store = new DatabaseSync(file);
    store.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch (error) {
    throw failure(`the store cannot be written: ${sentenceOf(error)}`, { cause: error });
  } finally {
    store?.close();
  }
  syncPath(file);
};

/**
 * Makes the store of a data folder that has none from a backup. The store gets its name when it holds exactly the items
 * of the backup. Until then no vault starts on the folder, and the next call makes the whole store again. Throws a
 * sentence if the backup does not fit or cannot be read, or if a vault runs.
 */
export const restoreEmbedded = async (
  folder: string,
  file: string,
  progress: Progress,
): Promise<Backup> => {
  refuseOtherStores(folder);
  openDataFolder(folder);
  const lock = lockDataFolder(folder);
  try {
    const held = findPartOfStore(folder);
    if (held !== undefined) {
      throw failure(
        `the data folder ${folder} holds a store already (${held}): set VAULT_DATA_DIR to a folder without one, or move ` +
          `all files ${storeFile}* away`,
      );
    }
    const checked = progress.counter('checked');
    const keyFile = findKeyFile(folder);
    const sample = sampleBackup(keyFile?.arn ?? '');
    const found = await readBackup(file, (items, facts) => {
      sample.take(items, facts);
      checked(items.length);
    });
    checkFits(folder, found);
    const proved = keyFile && sample.prove(keyFile.key, keyFile.file);
    const draft = await emptyDraft(folder);
    await fill(draft, file, found, progress);
    settle(join(draft, storeFile));
    openVaultId(folder, { VAULT_ID: found.facts.vault });
    if (proved) rememberKey(folder, proved);
    renameSync(join(draft, storeFile), join(folder, storeFile));
    syncPath(folder);
    rmSync(draft, { recursive: true });
    return found;
  } finally {
    lock.release();
  }
};

/**
 * A store that was killed has its last writes in a file beside its own. SQLite would put what was left of them into a
 * store that gets the same name.
 */
const findPartOfStore = (folder: string): string | undefined =>
  readdirSync(folder).find((name) => name === storeFile || name.startsWith(`${storeFile}-`));

/** Removes what an interrupted restore has left. */
const emptyDraft = async (folder: string): Promise<string> => {
  const draft = join(folder, restoreFolder);
  await endRememberedChild(join(draft, 'store.pid'));
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  return draft;
};

/** Makes a store in the folder with the items of the backup. Throws a sentence unless it then holds exactly these. */
const fill = async (
  folder: string,
  file: string,
  { facts, manifest }: Backup,
  { counter }: Progress,
): Promise<void> => {
  const { table } = await readTemplate();
  const tableName = process.env['TABLE_NAME'] || presetTable;
  const store = await startStore(dynoxide(root), folder, () => undefined);
  const dynamodb = connect(store);
  const held = createDynamodbTable(dynamodb, tableName);
  const [wrote, compared] = [counter('wrote', manifest.items), counter('compared', manifest.items)];
  try {
    await ensureTable(dynamodb, tableName, table);
    await readBackup(file, async (items) => {
      await putItems(held, items);
      wrote(items.length);
    });
    if (!isDeepStrictEqual(await tallyOf(facts.vault, held.pages(), compared), manifest)) {
      throw failure('the store does not hold what was written to it: try another disk');
    }
    // Not before, because the store must not delete an expired record that was not compared yet.
    await ensureTimeToLive(dynamodb, tableName, table);
  } catch (error) {
    if (isFailure(error)) throw error;
    throw failure(`the store cannot be written: ${sentenceOf(error)}`, { cause: error });
  } finally {
    dynamodb.destroy();
    await store.close();
  }
};
