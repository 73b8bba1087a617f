/**
 * The identity of a local vault, in a file of the data folder beside the master key. The data keys of all records are
 * bound to it, so it is made once and never changes.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { readVaultId, vaultIdForm } from '../../functions/runtime/config.ts';
import { failure, sentenceOf } from '../../system/failures.ts';
import { createFileOnce } from '../../system/files.ts';

const stored = v.strictObject({ id: v.pipe(v.string(), v.regex(vaultIdForm)) });

/** If a folder holds one of these files, its vault has an identity already. */
const dataFiles = ['kms.json', 'localstack-key.json', 'store.sqlite', 'dynamodb-local'];

const parse = (file: string, text: string): string => {
  try {
    return v.parse(stored, JSON.parse(text)).id;
  } catch (cause) {
    throw failure(`${file} is damaged: put back a copy, or move the whole data folder away`, {
      cause,
    });
  }
};

/** Returns `VAULT_ID`. Throws a sentence if it is missing or malformed. */
export const givenVaultId = (environment: NodeJS.ProcessEnv): string => {
  try {
    return readVaultId(environment);
  } catch (cause) {
    throw failure(sentenceOf(cause), { cause });
  }
};

/**
 * Returns the identity of the vault in this folder. The first time, makes it: `VAULT_ID`, else a random one. Must be
 * called before the master key and the store are made. Throws a sentence if there are data but no identity, because a
 * new one would open none of them, or if `VAULT_ID` is malformed or another identity than that of the folder.
 */
export const openVaultId = (folder: string, environment: NodeJS.ProcessEnv): string => {
  const given = environment['VAULT_ID'] ? givenVaultId(environment) : undefined;
  const file = join(folder, 'vault.json');
  const text = createFileOnce(file, () => {
    if (given === undefined && dataFiles.some((name) => existsSync(join(folder, name)))) {
      throw failure(
        `${file} is missing, the identity of the vault whose data lie beside it: put back a copy, set VAULT_ID to that ` +
          'identity, or move the whole data folder away',
      );
    }
    return JSON.stringify({ id: given ?? `vault-${randomBytes(8).toString('hex')}` });
  });
  const id = parse(file, text);
  if (given === undefined || given === id) return id;
  throw failure(
    `VAULT_ID is ${given}, but the vault in ${folder} is ${id}: unset VAULT_ID, or set VAULT_DATA_DIR to another folder`,
  );
};
