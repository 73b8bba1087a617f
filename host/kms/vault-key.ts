/**
 * The master key of the vault in a data folder: a key in a KMS if `MASTER_KEY_ID` names one,
 * otherwise a key in a file. `key-check.json` in the folder remembers which key it is, so that no
 * value is ever sealed with a different one.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { misconfigured, sentenceOf } from '../../system/failures.ts';
import { createFileOnce, readFileIfPresent, replaceFile } from '../../system/files.ts';
import {
  checkOf,
  followMasterKey,
  identityIn,
  type KeyIdentity,
  keyIdentity,
  type MasterKey,
  makeMasterKey,
  masterKeyFile,
} from './key-file.ts';
import { judgeByValues, type StoredKeys } from './key-proof.ts';

const kmsKey = v.object({ masterKeyId: v.string() });
const keyCheck = v.union([kmsKey, keyIdentity]);
type KeyCheck = v.InferOutput<typeof keyCheck>;

const fileOf = (folder: string): string => join(folder, 'key-check.json');

const parse = (folder: string, text: string): KeyCheck => {
  try {
    return v.parse(keyCheck, JSON.parse(text));
  } catch (cause) {
    throw misconfigured(`${fileOf(folder)} is damaged: put back a copy`, cause);
  }
};

/** Returns the key that this folder remembers. The first time, it remembers the given one. */
const remember = (folder: string, own: () => KeyCheck): KeyCheck =>
  parse(
    folder,
    createFileOnce(fileOf(folder), () => JSON.stringify(own())),
  );

const isKmsNamed = (environment: NodeJS.ProcessEnv): boolean =>
  Boolean(environment['MASTER_KEY_ID'] || environment['AWS_ENDPOINT_URL_KMS']);

/**
 * Whether the environment names a key in a KMS instead of a file. Throws a user-facing error if it
 * names both, because values could then be sealed with the wrong one.
 */
export const isKeyInKms = (environment: NodeJS.ProcessEnv): boolean => {
  if (!isKmsNamed(environment)) return false;
  if (!environment['VAULT_MASTER_KEY_FILE']) return true;
  throw misconfigured(
    'VAULT_MASTER_KEY_FILE and a key of a KMS (MASTER_KEY_ID) are set together: set one',
  );
};

/**
 * Remembers that the vault in this folder uses this key in a KMS, if the folder remembers no key
 * yet. Throws a user-facing error if the folder remembers a different key.
 */
export const checkKmsKey = (folder: string, masterKeyId: string): void => {
  const own = remember(folder, () => ({ masterKeyId }));
  if ('masterKeyId' in own && own.masterKeyId === masterKeyId) return;
  const known = 'masterKeyId' in own ? own.masterKeyId : `${own.keyId}, in a file`;
  throw misconfigured(
    `MASTER_KEY_ID is ${masterKeyId}, but the master key of the vault in ${folder} is ${known}: values are never sealed ` +
      'again under another key',
  );
};

const findRemembered = (folder: string): KeyCheck | undefined => {
  const text = readFileIfPresent(fileOf(folder));
  return text === undefined ? undefined : parse(folder, text);
};

/** Returns what the folder remembers about the vault's key in a file, if anything. */
export const findKeyIdentity = (folder: string): KeyIdentity | undefined => {
  const found = findRemembered(folder);
  return found === undefined || 'masterKeyId' in found ? undefined : found;
};

/**
 * Remembers the key of a file as the vault's. Call it only for a key that was created for the vault
 * or is proved.
 */
export const rememberKey = (folder: string, proved: KeyIdentity): void =>
  replaceFile(fileOf(folder), JSON.stringify(proved));

export type FoundKey = {
  readonly arn: string;
  /**
   * Opens the key. If the folder does not remember which key is the vault's, some stored values
   * that name this key must prove it first; then the folder remembers it. Rejects with a
   * user-facing error if they show that the key is not the vault's.
   */
  readonly open: (readStoredKeys: () => Promise<StoredKeys>) => Promise<MasterKey>;
};

/**
 * Finds the key file of the vault in this folder, for `npm start`. (Nodes use `openNodeKey` in
 * node/node-key.ts.) Creates a missing key unless the vault has data, which a new key could not
 * open. `warn` receives a message for each later fault. Throws a user-facing error if the key is
 * missing or damaged, or not the one that the folder remembers.
 */
export const findVaultKey = (
  folder: string,
  environment: NodeJS.ProcessEnv,
  hasData: boolean,
  warn?: (sentence: string) => void,
): FoundKey => {
  const file = masterKeyFile(folder, environment);
  if (!hasData && makeMasterKey(file)) remember(folder, () => identityIn(file));
  if (!existsSync(file)) {
    throw misconfigured(
      `${file} is missing, the master key of the vault in ${folder}: put back a copy, set VAULT_MASTER_KEY_FILE to ` +
        'where the key is, or move the whole data folder away',
    );
  }
  const remembered = findRemembered(folder);
  if (remembered !== undefined && 'masterKeyId' in remembered) {
    throw misconfigured(
      `the master key of the vault in ${folder} is ${remembered.masterKeyId} of a KMS: set MASTER_KEY_ID to it`,
    );
  }
  const own = remembered ?? { keyId: identityIn(file).keyId };
  const found = followMasterKey(file, own);
  try {
    found.read();
  } catch (error) {
    throw misconfigured(`${sentenceOf(error)}: put back a copy of the key ${own.keyId}`, error);
  }
  const prove = (stored: StoredKeys): KeyIdentity => {
    const key = found.read();
    const why = judgeByValues(file, key, stored);
    if (why !== undefined) throw misconfigured(`${why}: put back a copy of the key`);
    const proved = { keyId: key.keyId, check: checkOf(key) };
    rememberKey(folder, proved);
    return proved;
  };
  return {
    arn: found.arn,
    open: async (readStoredKeys) =>
      followMasterKey(file, remembered ?? prove(await readStoredKeys()), warn),
  };
};
