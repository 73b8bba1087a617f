/**
 * Finds what must not be in a data folder whose vault uses this release's SQLite file: data of an
 * older release, or an unfinished restore.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { misconfigured } from '../../system/failures.ts';
import { storeFile } from '../sqlite/database.ts';

/** Where releases before 2.0.0 kept their data: dynoxide's file, or DynamoDB Local's folder. */
const oldStores = ['store.sqlite', 'dynamodb-local'];
/** The name of the folder, inside the data folder, in which a restore creates the new store. */
export const restoreFolder = 'restore';

/**
 * Throws a user-facing error if the folder has data in a store from before 2.0.0, which this
 * release does not read.
 */
export const requireMoved = (folder: string): void => {
  if (!existsSync(folder)) return;
  const names = readdirSync(folder);
  const old = oldStores.find((store) => names.some((name) => name.startsWith(store)));
  if (old === undefined) return;
  throw misconfigured(
    `${folder} holds data of release 1.0.0 or older (${old}): make a backup with that release, move ${old}* away, keep ` +
      'everything else, and run npm run restore with the backup',
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
