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

/** What `openVaultKey` must know about the stored data. */
export type VaultData = {
  /** Whether there is stored data. A new key could not open it. */
  readonly exist: boolean;
  /** Reads some of the stored values that name this key. Rejects if the store cannot be read. */
  readonly storedKeys: (keyArn: string) => Promise<StoredKeys>;
};

/**
 * Opens the key file of the vault in this folder, for `npm start`. (Nodes use `openNodeKey` in
 * node/node-key.ts.) Creates a missing key if the vault has no data yet. If the folder remembers
 * nothing about the key, as a folder of 1.0.0, the key is yet to be proved. `warn` receives a
 * message for each later fault. Throws a user-facing error if the key is missing, damaged or of
 * another vault.
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
  const own: KeyIdentity = remembered ?? { keyId: identityIn(file).keyId };
  try {
    followMasterKey(file, own).read();
  } catch (error) {
    throw misconfigured(`${sentenceOf(error)}: put back a copy of the key ${own.keyId}`, error);
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

/** Throws a user-facing error if the stored values show that this is not the vault's key. */
export const requireOwnKey = async ({ proof }: MasterKey): Promise<void> => {
  const verdict = await proof?.judge();
  if (verdict?.is === 'incorrect')
    throw misconfigured(`${verdict.why}: put back a copy of the key`);
};
