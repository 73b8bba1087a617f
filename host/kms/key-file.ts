/**
 * The file with the master key and its state. A process opens it at start and checks it again in
 * each turn of the event loop in which it uses the key: a disabled, replaced or removed key is
 * noticed by the next turn, not by the next unwrap of the same turn. Without this file no stored
 * value can ever be opened again.
 */
import { createSecretKey, hkdfSync, randomBytes, randomUUID } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { type Fault, KeyFault, keyFaults } from '../../functions/kms/key-service.ts';
import { codeOf, failure, misconfigured, sentenceOf } from '../../system/failures.ts';
import { createFileOnce, replaceFile } from '../../system/files.ts';
import { type FileStatus, readSmallFile } from '../process/small-file.ts';
import { currentTurn } from '../process/turn.ts';
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

/** Identifies the master key of a vault. It does not allow anybody to open values. */
export const keyIdentity = v.object({
  keyId: v.pipe(v.string(), v.uuid()),
  /** A hash of the key material (`checkOf`). */
  check: v.string(),
});
export type KeyIdentity = v.InferOutput<typeof keyIdentity>;

const account = 'arn:aws:kms:us-east-1:000000000000:key/';
const arnOf = (keyId: string): string => `${account}${keyId}`;

/** Returns the id from the ARN of a key in a file; `undefined` for a key in a KMS. */
export const findKeyId = (arn: string): string | undefined =>
  arn.startsWith(account) ? arn.slice(account.length) : undefined;

/**
 * The file with the master key in the data folder, unless `VAULT_MASTER_KEY_FILE` names a different
 * one.
 */
export const masterKeyFile = (folder: string, environment: NodeJS.ProcessEnv): string =>
  environment['VAULT_MASTER_KEY_FILE'] || join(folder, 'kms.json');

/**
 * The check value of a key, by which two keys can be compared. It is not secret, and nodes send it
 * to each other: 16 bytes of HKDF under a separate label reveal nothing about the 32 random bytes
 * of the material. It only lets somebody confirm a guess of the whole material, as every wrapped
 * data key does.
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
    // The original error is not attached as a cause: a JSON parser's message quotes the text, which
    // is the key.
    return undefined;
  }
};

/** Why a file cannot be read: the code of the system's error, or the message of `readSmallFile`. */
const whyOf = (error: unknown): string => codeOf(error) ?? sentenceOf(error);

/** Reads the file for a command. Throws a user-facing error if it is unreadable or damaged. */
const open = (file: string) => {
  let bytes: Buffer;
  try {
    ({ bytes } = readSmallFile(file));
  } catch (cause) {
    throw misconfigured(`the master key ${file} cannot be read (${whyOf(cause)})`, cause);
  }
  const parsed = parse(bytes);
  if (parsed !== undefined) return parsed;
  throw misconfigured(`${file} is damaged: put back a copy, or move the whole data folder away`);
};

/**
 * Creates the key in this file unless the file exists, and returns whether it did. Throws a
 * user-facing error if the key cannot be written.
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
  // An existing file is left to the caller to read: it may be a pipe, and reading that here would
  // block the process.
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

/**
 * Returns the identity of the key in this file. Throws a user-facing error if the file is
 * unreadable or damaged.
 */
export const identityIn = (file: string): KeyIdentity => {
  const found = open(file);
  return { keyId: found.keyId, check: checkOf(found) };
};

/** Returns the id, ARN and state of the key in this file. Throws like `identityIn`. */
export const describeKeyFile = (
  file: string,
): { readonly keyId: string; readonly arn: string; readonly state: KeyState } => {
  const { keyId, state } = open(file);
  return { keyId, arn: arnOf(keyId), state };
};

/**
 * Sets the state of the key in this file. When this returns, the new state is durable, and every
 * process that uses the file respects it from its next turn of the event loop on. If the file
 * cannot be read or replaced, it throws a user-facing error and changes nothing.
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

/**
 * Whether a key in a file can be used, or in one word why not. The word reveals nothing about the
 * key.
 */
export const stateOfKey = (key: MasterKey): KeyFileState => {
  try {
    return key.read().state === 'Enabled' ? 'usable' : 'disabled';
  } catch (error) {
    const cause = error instanceof KeyFault ? error.cause : undefined;
    if (cause === keyFaults.notFound.cause) return 'missing';
    return cause === keyFaults.incorrectKey.cause ? 'incorrect' : 'unreadable';
  }
};

/**
 * A file that changed within the last 2 s is read again, because two writes within one tick of the
 * clock may leave the same time.
 */
const settledMs = 2_000n;

/** Whether two calls of `stat` saw the same, unchanged file. */
const isSame = (a: FileStatus, b: FileStatus): boolean =>
  a.dev === b.dev &&
  a.ino === b.ino &&
  a.size === b.size &&
  a.mtimeNs === b.mtimeNs &&
  a.ctimeNs === b.ctimeNs;
const statusOf = (file: string): FileStatus => statSync(file, { bigint: true });

/** What is known about the vault's key. Without a check value, its id is all that is known. */
export type KnownKey = Pick<KeyIdentity, 'keyId'> & Partial<KeyIdentity>;

const isOwn = ({ keyId, check }: KnownKey, found: KeyReading): boolean =>
  keyId === found.keyId && (check === undefined || check === checkOf(found));

/** How the file is examined. Only tests pass something else than the system's own calls. */
const systemFiles = { statusOf, read: readSmallFile, now: Date.now, turn: currentTurn };

/**
 * Uses the key of this file, which need not exist yet. `own` is what is known about the vault's
 * key; any other key in the file is refused. Whenever `read` meets a fault of the file, `warn`
 * receives a message. The file must be on a local file system, so that `stat` notices a change
 * immediately.
 */
export const followMasterKey = (
  file: string,
  own: KnownKey,
  warn: (sentence: string) => void = () => undefined,
  files: Partial<typeof systemFiles> = {},
): MasterKey => {
  const { statusOf, read, now, turn } = { ...systemFiles, ...files };
  let last: { readonly status: FileStatus; readonly reading: KeyReading } | undefined;
  let lastTurn: number | undefined;

  const refuse = (fault: Fault, sentence: string): KeyFault => {
    last = undefined;
    warn(sentence);
    return new KeyFault(fault, sentence);
  };
  const readAgain = (): KeyReading => {
    const { status, bytes } = read(file);
    const parsed = parse(bytes);
    if (parsed === undefined) throw refuse(keyFaults.invalidState, `${file} is damaged`);
    const { content: _, ...reading } = parsed;
    if (!isOwn(own, reading)) {
      throw refuse(keyFaults.incorrectKey, `${file} holds another master key than this vault's`);
    }
    last = { status, reading };
    return reading;
  };
  return {
    arn: arnOf(own.keyId),
    read: () => {
      try {
        const thisTurn = turn();
        if (last !== undefined && thisTurn === lastTurn) return last.reading;
        lastTurn = thisTurn;
        if (last === undefined) return readAgain();
        const status = statusOf(file);
        const isSettled = BigInt(now()) - status.ctimeMs >= settledMs;
        return isSettled && isSame(status, last.status) ? last.reading : readAgain();
      } catch (error) {
        if (error instanceof KeyFault) throw error;
        const why = whyOf(error);
        throw why === 'ENOENT' || why === 'ENOTDIR'
          ? refuse(keyFaults.notFound, `${file} is missing`)
          : refuse(keyFaults.invalidState, `${file} cannot be read (${why})`);
      }
    },
  };
};
