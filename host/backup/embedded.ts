/** Backs up and restores the data of `npm start`, which is one SQLite file in the data folder. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { formatInstant, keyIdOf } from '../../functions/model/types.ts';
import { failure, isFailure, sentenceOf } from '../../system/failures.ts';
import { syncPath } from '../../system/files.ts';
import { findVaultId, openVaultId } from '../identity/vault-id.ts';
import { describeKeyFile, followMasterKey, masterKeyFile } from '../kms/key-file.ts';
import { isKeyInKms, rememberKey } from '../kms/vault-key.ts';
import { lockDataFolder, openDataFolder } from '../process/data-folder.ts';
import { runningRecord } from '../process/vault-records.ts';
import { requireMoved, requireOwnStore, restoreFolder } from '../single/own-store.ts';
import { storeFile } from '../sqlite/database.ts';
import { openSqliteStore } from '../sqlite/sqlite-store.ts';
import { type Backup, readBackup } from './file.ts';
import { type Manifest, type Source, tallyOf } from './format.ts';
import { sampleBackup } from './key-fits.ts';
import type { Progress } from './progress.ts';
import { putItems, readTable } from './table.ts';

/**
 * Throws if the environment or the running vault uses another store than the SQLite file in the
 * data folder, because only that file can be copied as of one moment, or replaced.
 */
const refuseOtherStores = (folder: string): void => {
  if (process.env['AWS_ENDPOINT_URL_DYNAMODB']) {
    throw failure(
      'AWS_ENDPOINT_URL_DYNAMODB names a store elsewhere, which is backed up and restored by its own means: ' +
        'docs/deploy/aws.md says how for AWS',
    );
  }
  if (runningRecord.find(folder)?.dynamodbEndpoint === undefined) return;
  throw failure(
    `the vault that runs on ${folder} has its data in another store: only its own file is backed up and restored`,
  );
};

/** Returns the table's name for the first line of a backup. The SQLite file does not contain it. */
const tableNameOf = (folder: string): string =>
  runningRecord.find(folder)?.tableName ?? (process.env['TABLE_NAME'] || 'vault');

/**
 * Opens the current items of the vault of `npm start`, whether it runs or not. Throws a user-facing
 * error if the data folder has no vault.
 */
export const openEmbedded = async (folder: string): Promise<Source> => {
  refuseOtherStores(folder);
  requireOwnStore(folder);
  const file = join(folder, storeFile);
  if (!existsSync(file))
    throw failure(
      `there is no vault in the data folder ${folder}: set VAULT_DATA_DIR to the folder of a vault`,
    );
  const vault = openVaultId(folder, process.env);
  const table = tableNameOf(folder);
  const store = openSqliteStore(file, 'read');
  const takenAt = formatInstant(Date.now());
  async function* pages() {
    try {
      yield* readTable(store, table);
    } finally {
      await store.close();
    }
  }
  return { facts: { vault, table, takenAt, store: 'sqlite' }, pages: pages() };
};

/**
 * Throws a user-facing error unless the folder has the right master key for this backup, and the
 * backup's vault id or none.
 */
const checkFits = (folder: string, { facts, manifest }: Backup): void => {
  const id = findVaultId(folder);
  if (id !== undefined && id !== facts.vault) {
    throw failure(
      `the backup is of the vault ${facts.vault}, and the data folder ${folder} is of the vault ${id}: set ` +
        'VAULT_DATA_DIR to another folder',
    );
  }
  // A master key in a KMS cannot be checked here; `npm run inspect -- --verify` does that.
  if (!isKeyInKms(process.env)) checkKey(folder, manifest);
};

/** Opens the key file of the folder; `undefined` if it is missing or the key is in a KMS. */
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
 * Creates the store of a data folder from a backup. The store gets its final name only once it
 * contains exactly the items of the backup. Until then no vault starts on the folder, and the next
 * call creates the store from the beginning. Throws a user-facing error if the backup does not fit
 * or cannot be read, or if a vault runs.
 */
export const restoreEmbedded = async (
  folder: string,
  file: string,
  progress: Progress,
): Promise<Backup> => {
  refuseOtherStores(folder);
  openDataFolder(folder);
  requireStopped(folder);
  const lock = lockDataFolder(folder);
  try {
    requireMoved(folder);
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
    const draft = emptyDraft(folder);
    await fill(join(draft, storeFile), file, found, progress);
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

const requireStopped = (folder: string): void => {
  const running = runningRecord.find(folder);
  if (running === undefined) return;
  throw failure(
    `the vault at ${running.url} runs on the data folder ${folder}, and a restore needs one without data: stop the vault ` +
      'and put its data aside (docs/deploy/backup.md, "An empty vault"), or set VAULT_DATA_DIR to another folder',
  );
};

/**
 * Returns the name of a file in the folder that belongs to a store, if there is one. A log file
 * counts, too: a killed store leaves its last writes there, and SQLite would apply them to a new
 * store of the same name.
 */
const findPartOfStore = (folder: string): string | undefined =>
  readdirSync(folder).find((name) => name === storeFile || name.startsWith(`${storeFile}-`));

/**
 * Removes what an interrupted restore has left behind, and returns a new, empty folder in which the
 * store is created.
 */
const emptyDraft = (folder: string): string => {
  const draft = join(folder, restoreFolder);
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  return draft;
};

/**
 * Creates a store with the items of the backup. Throws a user-facing error unless it then contains
 * exactly these.
 */
const fill = async (
  target: string,
  file: string,
  { facts, manifest }: Backup,
  { counter }: Progress,
): Promise<void> => {
  const [wrote, compared] = [counter('wrote', manifest.items), counter('compared', manifest.items)];
  try {
    const store = openSqliteStore(target, 'write');
    await readBackup(file, async (items) => {
      await putItems(store.write, items);
      wrote(items.length);
    });
    const held = await tallyOf(facts.vault, store.pages(), compared);
    // Closing copies all of SQLite's log into the file, so the file alone is the whole store.
    await store.close();
    syncPath(target);
    if (isDeepStrictEqual(held, manifest)) return;
  } catch (error) {
    if (isFailure(error)) throw error;
    throw failure(`the store cannot be written: ${sentenceOf(error)}`, { cause: error });
  }
  throw failure('the store does not hold what was written to it: try another disk');
};
