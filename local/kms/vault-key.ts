/**
 * The master key of the vault in a data folder: a key of a KMS if `MASTER_KEY_ID` names one, else the key of a file.
 * `key-check.json` in the folder remembers which key it is, so that no value is ever sealed under another one.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { failure, sentenceOf } from '../../system/failures.ts';
import { createFileOnce } from '../../system/files.ts';
import {
  followMasterKey,
  identityIn,
  keyIdentity,
  type MasterKey,
  makeMasterKey,
  masterKeyFile,
} from './key-file.ts';

const kmsKey = v.object({ masterKeyId: v.string() });
const keyCheck = v.union([kmsKey, keyIdentity]);
type KeyCheck = v.InferOutput<typeof keyCheck>;

const fileOf = (folder: string): string => join(folder, 'key-check.json');

const parse = (folder: string, text: string): KeyCheck => {
  try {
    return v.parse(keyCheck, JSON.parse(text));
  } catch (cause) {
    throw failure(`${fileOf(folder)} is damaged: put back a copy`, { cause });
  }
};

/** Remembers the key of the vault in this folder the first time, and returns what is remembered. */
const remember = (folder: string, own: () => KeyCheck): KeyCheck =>
  parse(
    folder,
    createFileOnce(fileOf(folder), () => JSON.stringify(own())),
  );

const isKmsNamed = (environment: NodeJS.ProcessEnv): boolean =>
  Boolean(environment['MASTER_KEY_ID'] || environment['AWS_ENDPOINT_URL_KMS']);

/**
 * Whether the environment names a key of a KMS, and not a file. Throws a sentence if it names both, because then values
 * could be sealed under the wrong one.
 */
export const isKeyInKms = (environment: NodeJS.ProcessEnv): boolean => {
  if (!isKmsNamed(environment)) return false;
  if (!environment['VAULT_MASTER_KEY_FILE']) return true;
  throw failure(
    'VAULT_MASTER_KEY_FILE and a key of a KMS (MASTER_KEY_ID) are set together: set one',
  );
};

/** Throws a sentence if the vault in this folder has another key than this one of a KMS. */
export const checkKmsKey = (folder: string, masterKeyId: string): void => {
  const own = remember(folder, () => ({ masterKeyId }));
  if ('masterKeyId' in own && own.masterKeyId === masterKeyId) return;
  const known = 'masterKeyId' in own ? own.masterKeyId : `${own.keyId}, in a file`;
  throw failure(
    `MASTER_KEY_ID is ${masterKeyId}, but the master key of the vault in ${folder} is ${known}: values are never sealed ` +
      'again under another key',
  );
};

/**
 * A vault of 1.0.0 has no `key-check.json`. Its key lay in its folder, so that one is trusted before a key elsewhere.
 */
const identityOf = (folder: string, file: string) => {
  const beside = masterKeyFile(folder, {});
  return identityIn(existsSync(beside) ? beside : file);
};

/** Whether the vault of this folder has its key in a file that exists. */
export const hasKeyFile = (folder: string, environment: NodeJS.ProcessEnv): boolean =>
  existsSync(masterKeyFile(folder, environment));

/**
 * Opens the key file of the vault in this folder, for `npm start`; for a node it is `openNodeKey`
 * (node/node-key.ts). If the vault has no data yet, makes the key if it is missing. `warn` is called with the
 * sentence of each later fault. Throws a sentence if the key is missing, damaged or of another vault.
 */
export const openVaultKey = (
  folder: string,
  environment: NodeJS.ProcessEnv,
  hasData: boolean,
  warn?: (sentence: string) => void,
): MasterKey => {
  const file = masterKeyFile(folder, environment);
  if (!hasData) makeMasterKey(file);
  if (!existsSync(file)) {
    throw failure(
      `${file} is missing, the master key of the vault in ${folder}: put back a copy, set VAULT_MASTER_KEY_FILE to ` +
        'where the key is, or move the whole data folder away',
    );
  }
  const own = remember(folder, () => identityOf(folder, file));
  if ('masterKeyId' in own) {
    throw failure(
      `the master key of the vault in ${folder} is ${own.masterKeyId} of a KMS: set MASTER_KEY_ID to it`,
    );
  }
  try {
    followMasterKey(file, own).read();
  } catch (error) {
    throw failure(`${sentenceOf(error)}: put back a copy of the key ${own.keyId}`, {
      cause: error,
    });
  }
  return followMasterKey(file, own, warn);
};
