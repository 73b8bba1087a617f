/**
 * The id of a local vault, in a file of the data folder. All data keys are bound to the id, so it
 * is created once and never changes.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { isVaultId, vaultIdIn } from '../../functions/model/variables.ts';
import { misconfigured, sentenceOf } from '../../system/failures.ts';
import { createFileOnce, readFileIfPresent } from '../../system/files.ts';

const stored = v.strictObject({ id: v.pipe(v.string(), v.check(isVaultId)) });

/**
 * If a folder has one of these files, its vault already has an id, so none is made up if
 * `vault.json` is missing. The last two are files of `npm run stack`.
 */
const dataFiles = ['kms.json', 'vault.sqlite', 'localstack-key.json', 'store.sqlite'];

const parse = (file: string, text: string): string => {
  try {
    return v.parse(stored, JSON.parse(text)).id;
  } catch (cause) {
    throw misconfigured(
      `${file} is damaged: put back a copy, or delete it and set VAULT_ID to the id that it held`,
      cause,
    );
  }
};

const fileOf = (folder: string): string => join(folder, 'vault.json');

/**
 * Returns the id of the vault in this folder, or `undefined` if there is none yet. Throws a
 * user-facing error if it is damaged.
 */
export const findVaultId = (folder: string): string | undefined => {
  const text = readFileIfPresent(fileOf(folder));
  return text === undefined ? undefined : parse(fileOf(folder), text);
};

const makeId = (folder: string, file: string): string => {
  if (dataFiles.some((name) => existsSync(join(folder, name)))) {
    throw misconfigured(
      `${file} is missing, the id of the vault whose data lie beside it: put back a copy, set VAULT_ID to that id, or ` +
        'move the whole data folder away',
    );
  }
  return `vault-${randomBytes(8).toString('hex')}`;
};

/**
 * Returns the vault id that the variable `VAULT_ID` contains. Throws a user-facing error if the
 * variable is missing or malformed.
 */
export const givenVaultId = (environment: NodeJS.ProcessEnv): string => {
  try {
    return vaultIdIn(environment);
  } catch (cause) {
    throw misconfigured(sentenceOf(cause), cause);
  }
};

/**
 * Returns the id of the vault in this folder. The first time, it creates the id: `VAULT_ID`, or a
 * random one. Call this before the master key and the store are created. Throws a user-facing error
 * if `VAULT_ID` is malformed or differs from the folder's id, or if there is data but no id,
 * because a new id would open none of the data.
 */
export const openVaultId = (folder: string, environment: NodeJS.ProcessEnv): string => {
  const given = environment['VAULT_ID'] ? givenVaultId(environment) : undefined;
  const file = fileOf(folder);
  const make = () => JSON.stringify({ id: given ?? makeId(folder, file) });
  const id = parse(file, createFileOnce(file, make));
  if (given === undefined || given === id) return id;
  throw misconfigured(
    `VAULT_ID is ${given}, but the vault in ${folder} has the id ${id}: unset VAULT_ID, or set VAULT_DATA_DIR to ` +
      'another folder',
  );
};
