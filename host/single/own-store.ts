/**
 * Finds what must not be in a data folder whose vault uses this release's SQLite file: data of an
 * older release, or an unfinished restore.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { misconfigured } from '../../system/failures.ts';
import { storeFile } from '../sqlite/database.ts';

/** The file of releases up to 1.0.0, which dynoxide kept. */
const oldStoreFile = 'store.sqlite';
/** The folder of DynamoDB Local, which 1.0.0 could run in place of dynoxide. */
const oldDynamodbLocal = 'dynamodb-local';
/** The name of the folder, inside the data folder, in which a restore creates the new store. */
export const restoreFolder = 'restore';

/**
 * Whether the folder has data of a vault, of whatever release. A new key would open none of them.
 */
export const hasData = (folder: string): boolean =>
  [storeFile, oldStoreFile, oldDynamodbLocal].some((name) => existsSync(join(folder, name)));

/**
 * Throws a user-facing error if the folder has data in a store of 1.0.0, which this release does
 * not read.
 */
export const requireMoved = (folder: string): void => {
  if (!existsSync(folder)) return;
  const names = readdirSync(folder);
  const old = names.find((name) => name.startsWith(oldStoreFile));
  if (old !== undefined) {
    throw misconfigured(
      `${folder} holds data of release 1.0.0 or older (${old}): make a backup with that release, move ${oldStoreFile}* ` +
        'away, keep everything else, and run npm run restore with the backup',
    );
  }
  if (!names.includes(oldDynamodbLocal) || names.includes(storeFile)) return;
  throw misconfigured(
    `the data of ${folder} are in DynamoDB Local, which npm start no longer runs: run it yourself and set ` +
      `AWS_ENDPOINT_URL_DYNAMODB, or move ${join(folder, oldDynamodbLocal)} away`,
  );
};

/**
 * Throws like `requireMoved`, and also if a restore into the folder has not ended, because a new,
 * empty store would then look like the vault.
 */
export const requireOwnStore = (folder: string): void => {
  requireMoved(folder);
  const draft = join(folder, restoreFolder);
  if (!existsSync(draft) || existsSync(join(folder, storeFile))) return;
  throw misconfigured(
    `a restore into ${folder} did not end: run npm run restore again, or delete ${draft} to begin without the backup`,
  );
};
