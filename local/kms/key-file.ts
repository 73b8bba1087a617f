/**
 * The file that holds the master key and its state. The file is the truth: a process opens it at start and looks at it
 * before each use, so that a change by `local/bin/key.ts disable` counts for every process of the machine from its next call on.
 * Without this file no stored value can ever be opened again.
 */
import { createSecretKey, hkdfSync, randomBytes, randomUUID } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { codeOf, failure, sentenceOf } from '../../system/failures.ts';
import { createFileOnce, replaceFile } from '../../system/files.ts';
import { type FileStatus, readSmallFile } from '../process/small-file.ts';
import { fault, isFault } from './kms-fault.ts';
import {
  type KeyFileState,
  type KeyReading,
  type KeyState,
  keyStates,
  type MasterKey,
} from './master-key.ts';

export type { KeyReading, KeyState, MasterKey } from './master-key.ts';

const keyFile = v.looseObject({
  format: v.literal(1),
  keyId: v.pipe(v.string(), v.uuid()),
  keyMaterial: v.pipe(v.string(), v.base64(), v.length(44)),
  state: v.picklist(keyStates),
  createdAt: v.number(),
});
type KeyFile = v.InferOutput<typeof keyFile>;

/** Identifies the master key of a vault. No value can be opened with the identity. */
export const keyIdentity = v.object({
  keyId: v.pipe(v.string(), v.uuid()),
  /**
   * A hash of the material (`checkOf`). Absent for a vault of 1.0.0, which knows its key by the id alone until the key is
   * proved (key-proof.ts).
   */
  check: v.optional(v.string()),
});
export type KeyIdentity = v.InferOutput<typeof keyIdentity>;

const account = 'arn:aws:kms:us-east-1:000000000000:key/';
const arnOf = (keyId: string): string => `${account}${keyId}`;

/** Returns the id in the ARN of a key in a file; `undefined` for a key of a KMS. */
export const findKeyId = (arn: string): string | undefined =>
  arn.startsWith(account) ? arn.slice(account.length) : undefined;

/** The file of the data folder that holds the master key, unless `VAULT_MASTER_KEY_FILE` names another one. */
export const masterKeyFile = (folder: string, environment: NodeJS.ProcessEnv): string =>
  environment['VAULT_MASTER_KEY_FILE'] || join(folder, 'kms.json');

/**
 * The check value of a key: equal for equal keys. It is no secret, and nodes tell it each other. It is 16 bytes of HKDF
 * under a label of its own, so it tells nothing about the 32 random bytes of the material, nor about what they seal. It
 * lets somebody confirm a guess of the whole material, as every wrapped data key does too.
 */
export const checkOf = ({ keyId, secret }: Pick<KeyReading, 'keyId' | 'secret'>): string =>
  Buffer.from(hkdfSync('sha256', secret, keyId, 'vault master key check 1', 16)).toString(
    'base64url',
  );

const parse = (bytes: Buffer): (KeyReading & { readonly content: KeyFile }) | undefined => {
  try {
    const content = v.parse(keyFile, JSON.parse(bytes.toString('utf8')));
    const { keyId, state, keyMaterial } = content;
    const secret = createSecretKey(keyMaterial, 'base64');
    return { keyId, secret, state, content };
  } catch {
    // The error is not even a cause, because a JSON parser's message quotes the text, and the text is the key.
    return undefined;
  }
};

/** Why a file cannot be read: the code of the system's error, or the sentence of `readSmallFile`. */
const whyOf = (error: unknown): string => codeOf(error) ?? sentenceOf(error);

/** Reads the file for a command. Throws a sentence if it cannot be read or is damaged. */
const open = (file: string) => {
  let bytes: Buffer;
  try {
    ({ bytes } = readSmallFile(file));
  } catch (cause) {
    throw failure(`the master key ${file} cannot be read (${whyOf(cause)})`, { cause });
  }
  const parsed = parse(bytes);
  if (parsed !== undefined) return parsed;
  throw failure(`${file} is damaged: put back a copy, or move the whole data folder away`);
};

/**
 * Makes the key in this file unless the file exists, and returns whether it did. Throws a sentence if the key cannot be
 * written.
 */
export const makeMasterKey = (file: string): boolean => {
  const make = (): string =>
    JSON.stringify({
      format: 1,
      keyId: randomUUID(),
      keyMaterial: randomBytes(32).toString('base64'),
      state: 'Enabled',
      createdAt: Date.now(),
    } satisfies KeyFile);
  // Reading what is there is left to the caller, because a pipe would block this process.
  if (existsSync(file)) return false;
  let made: string | undefined;
  try {
    return (
      createFileOnce(file, () => {
        made = make();
        return made;
      }) === made
    );
  } catch (cause) {
    throw failure(`the master key cannot be written to ${file} (${codeOf(cause)})`, { cause });
  }
};

/** Returns what tells the key of this file from others. Throws a sentence if the file cannot be read or is damaged. */
export const identityIn = (file: string): KeyIdentity & { readonly check: string } => {
  const found = open(file);
  return { keyId: found.keyId, check: checkOf(found) };
};

/** Returns the state of the key in this file, its id and its ARN. Throws as `identityIn` does. */
export const describeKeyFile = (
  file: string,
): { readonly keyId: string; readonly arn: string; readonly state: KeyState } => {
  const { keyId, state } = open(file);
  return { keyId, arn: arnOf(keyId), state };
};

/**
 * Sets the state of the key in this file. The new state is durable when `setKeyState` returns, and every process that uses the
 * file obeys from its next call on. Throws a sentence, and changes nothing, if the file cannot be read or replaced.
 */
export const setKeyState = (file: string, state: KeyState): void => {
  const { content } = open(file);
  try {
    replaceFile(file, JSON.stringify({ ...content, state } satisfies KeyFile));
  } catch (cause) {
    const sentence = `${file} cannot be replaced (${codeOf(cause)}), so its key stays ${content.state}`;
    throw failure(sentence, { cause });
  }
};

/** Whether a key in a file can be used, and if not, why: in one word that gives nothing away. */
export const stateOfKey = (key: MasterKey): KeyFileState => {
  try {
    return key.read().state === 'Enabled' ? 'usable' : 'disabled';
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (name === 'NotFoundException') return 'missing';
    return name === 'IncorrectKeyException' ? 'incorrect' : 'unreadable';
  }
};

/** A file that changed within the last 2 s is read again: two writes within a tick of the clock can leave equal times. */
const settledMs = 2_000n;

/** Whether two calls of `stat` saw one file, unchanged between them. */
const isSame = (a: FileStatus, b: FileStatus): boolean =>
  a.dev === b.dev &&
  a.ino === b.ino &&
  a.size === b.size &&
  a.mtimeNs === b.mtimeNs &&
  a.ctimeNs === b.ctimeNs;
const statusOf = (file: string): FileStatus => statSync(file, { bigint: true });

const isOwn = ({ keyId, check }: KeyIdentity, found: KeyReading): boolean =>
  keyId === found.keyId && (check === undefined || check === checkOf(found));

/** How the file is looked at; other than the system's own only in tests. */
const systemFiles = { statusOf, read: readSmallFile, now: Date.now };

/**
 * Uses the key of this file from now on. The file need not be there yet. `warn` is called with the sentence
 * of each fault of the file, at each call that meets it. The file must be on a local file system, whose
 * `stat` sees a change at once.
 */
export const followMasterKey = (
  file: string,
  own: KeyIdentity,
  warn: (sentence: string) => void = () => undefined,
  files: Partial<typeof systemFiles> = {},
): MasterKey => {
  const { statusOf, read, now } = { ...systemFiles, ...files };
  let last: { readonly status: FileStatus; readonly reading: KeyReading } | undefined;

  const refuse = (type: Parameters<typeof fault>[0], sentence: string): Error => {
    last = undefined;
    warn(sentence);
    return fault(type, sentence);
  };
  const readAgain = (): KeyReading => {
    const { status, bytes } = read(file);
    const parsed = parse(bytes);
    if (parsed === undefined) throw refuse('KMSInvalidStateException', `${file} is damaged`);
    const { content: _, ...reading } = parsed;
    if (!isOwn(own, reading)) {
      throw refuse('IncorrectKeyException', `${file} holds another master key than this vault's`);
    }
    last = { status, reading };
    return reading;
  };
  return {
    arn: arnOf(own.keyId),
    read: () => {
      try {
        if (last === undefined) return readAgain();
        const status = statusOf(file);
        const isSettled = BigInt(now()) - status.ctimeMs >= settledMs;
        return isSettled && isSame(status, last.status) ? last.reading : readAgain();
      } catch (error) {
        if (isFault(error)) throw error;
        const why = whyOf(error);
        throw why === 'ENOENT' || why === 'ENOTDIR'
          ? refuse('NotFoundException', `${file} is missing`)
          : refuse('KMSInvalidStateException', `${file} cannot be read (${why})`);
      }
    },
  };
};
