/**
 * The master key of the vault in a data folder: a key of a KMS if `MASTER_KEY_ID` names one, else the key of a file.
 * `key-check.json` in the folder remembers which key it is, so that no value is ever sealed under another one.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { failure, sentenceOf } from '../../system/failures.ts';
import { createFileOnce, readFileIfPresent, replaceFile } from '../../system/files.ts';
import {
  followMasterKey,
  identityIn,
  type KeyIdentity,
  keyIdentity,
  type MasterKey,
  makeMasterKey,
  masterKeyFile,
} from './key-file.ts';
import {
  followUnprovedKey,
  judgeByValues,
  type ProofOptions,
  type StoredKeys,
} from './key-proof.ts';

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

const findRemembered = (folder: string): KeyCheck | undefined => {
  const text = readFileIfPresent(fileOf(folder));
  return text === undefined ? undefined : parse(folder, text);
};

/** Returns what the folder remembers of its vault's key in a file; `undefined` if nothing. */
export const findKeyIdentity = (folder: string): KeyIdentity | undefined => {
  const found = findRemembered(folder);
  return found === undefined || 'masterKeyId' in found ? undefined : found;
};

/** Remembers the key of a file as the vault's. Only for a key that has been made for the vault, or is proved. */
export const rememberKey = (folder: string, proved: KeyIdentity): void =>
  replaceFile(fileOf(folder), JSON.stringify(proved));

/** Whether the vault of this folder has its key in a file that exists. */
export const hasKeyFile = (folder: string, environment: NodeJS.ProcessEnv): boolean =>
  existsSync(masterKeyFile(folder, environment));

/** What `openVaultKey` needs to know of the data. */
export type VaultData = {
  /** Whether there are any. A new key would open none of them. */
  readonly exist: boolean;
  /** Reads some of the stored values that name this key. Rejects if the store cannot be read. */
  readonly storedKeys: (keyArn: string) => Promise<StoredKeys>;
};

/**
 * Opens the key file of the vault in this folder, for `npm start`; for a node it is `openNodeKey`
 * (node/node-key.ts). If the vault has no data yet, makes the key if it is missing. A key of which the folder remembers
 * nothing, as in a folder of 1.0.0, is still to be proved. `warn` is called with the sentence of each later fault. Throws
 * a sentence if the key is missing, damaged or of another vault.
 */
export const openVaultKey = (
  folder: string,
  environment: NodeJS.ProcessEnv,
  data: VaultData,
  warn?: (sentence: string) => void,
): MasterKey => {
  const file = masterKeyFile(folder, environment);
  if (!data.exist && makeMasterKey(file)) remember(folder, () => identityIn(file));
  if (!existsSync(file)) {
    throw failure(
      `${file} is missing, the master key of the vault in ${folder}: put back a copy, set VAULT_MASTER_KEY_FILE to ` +
        'where the key is, or move the whole data folder away',
    );
  }
  const remembered = findRemembered(folder);
  if (remembered !== undefined && 'masterKeyId' in remembered) {
    throw failure(
      `the master key of the vault in ${folder} is ${remembered.masterKeyId} of a KMS: set MASTER_KEY_ID to it`,
    );
  }
  const own: KeyIdentity = remembered ?? { keyId: identityIn(file).keyId };
  try {
    followMasterKey(file, own).read();
  } catch (error) {
    throw failure(`${sentenceOf(error)}: put back a copy of the key ${own.keyId}`, {
      cause: error,
    });
  }
  if (own.check !== undefined) return followMasterKey(file, own, warn);
  return followUnproved(folder, { file, keyId: own.keyId, warn }, data);
};

const followUnproved = (
  folder: string,
  own: Pick<ProofOptions, 'file' | 'keyId' | 'warn'>,
  { storedKeys }: VaultData,
): MasterKey => {
  const key: MasterKey = followUnprovedKey({
    ...own,
    judge: async (candidate) =>
      candidate.hasOpened
        ? { is: 'proved' }
        : judgeByValues(own.file, candidate, await storedKeys(key.arn)),
    remember: (proved) => rememberKey(folder, proved),
  });
  return key;
};

/** Throws a sentence if the stored values say that this is not the vault's key. */
export const requireOwnKey = async ({ proof }: MasterKey): Promise<void> => {
  const verdict = await proof?.judge();
  if (verdict?.is === 'incorrect') throw failure(`${verdict.why}: put back a copy of the key`);
};
