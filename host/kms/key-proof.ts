/**
 * Proves that a file contains the vault's master key when no check value is remembered. A vault of
 * 1.0.0 knew its key only by the id, which stays the same if a character of the material changes.
 *
 * A stored value that opens proves the key. Until then the key opens whatever it can, and before
 * each write a judge decides whether new values may be sealed with it. Once the key is proved, its
 * check value is remembered, and no other key is accepted.
 */
import { sentenceOf } from '../../system/failures.ts';
import { type EncryptionContext, unwrap } from './data-key-wrapping.ts';
import {
  checkOf,
  followMasterKey,
  type KeyIdentity,
  type KeyReading,
  type MasterKey,
  stateOfKey,
} from './key-file.ts';
import { fault } from './kms-fault.ts';
import type { KeyProof, Verdict } from './master-key.ts';

export type { Verdict } from './master-key.ts';

export type WrappedKey = { readonly wrapped: Uint8Array; readonly context: EncryptionContext };

/** A sample of the vault's stored values. */
export type StoredKeys = {
  /** The wrapped data keys of values that name the key that is judged, at most `samplesMax`. */
  readonly own: readonly WrappedKey[];
  /** The id that the stored values name, if all of them name another key than this one. */
  readonly otherKeyId: string | undefined;
};

/** How many stored values are tried to prove a key. More than one, because some may be damaged. */
export const samplesMax = 5;

/**
 * Judges the key in `file` by the stored values. One that opens is proof enough. If none opens,
 * this may be the wrong key or damage, so nothing more is stored.
 */
export const judgeByValues = (
  file: string,
  key: Pick<KeyReading, 'keyId' | 'secret'>,
  { own, otherKeyId }: StoredKeys,
): Verdict => {
  const opens = ({ wrapped, context }: WrappedKey): boolean => {
    const unwrapped = unwrap(key, Buffer.from(wrapped), context);
    if ('fault' in unwrapped) return false;
    unwrapped.dataKey.fill(0);
    return true;
  };
  if (own.some(opens)) return { is: 'proved' };
  if (own.length > 0) {
    const which = own.length === 1 ? 'the only stored value' : `${own.length} stored values`;
    const why = `${file} has the id of the vault's master key, but does not open ${which}`;
    return { is: 'incorrect', why };
  }
  if (otherKeyId === undefined) return { is: 'open' };
  const why = `${file} holds another master key than this vault's, whose values name the key ${otherKeyId}`;
  return { is: 'incorrect', why };
};

/** The log line for a verdict against a key. */
export const warningOf = ({ why }: Extract<Verdict, { readonly why: string }>): string =>
  `${why}; nothing is stored`;

/** What a judge gets to know about the key on which it decides. */
export type Candidate = KeyReading & {
  readonly check: string;
  /** Whether the key has opened a stored value in this process. */
  readonly hasOpened: boolean;
};
type Judge = (candidate: Candidate) => Promise<Verdict>;

export type ProofOptions = {
  readonly file: string;
  readonly keyId: string;
  /** Decides whether the key in the file is the vault's. Rejects if that cannot be decided yet. */
  readonly judge: Judge;
  readonly remember: (proved: KeyIdentity) => void;
  /**
   * Receives a message for each fault of the file, for each write that a verdict refuses, and if a
   * proof cannot be remembered.
   */
  readonly warn?: ((sentence: string) => void) | undefined;
};

export type UnprovedKey = MasterKey & { readonly proof: KeyProof };

/**
 * Opens the key in this file when only its id is known. The key follows changes of the file, and is
 * yet to be proved.
 */
export const followUnprovedKey = (options: ProofOptions): UnprovedKey => {
  const { file, keyId, judge, remember, warn = () => undefined } = options;
  let key = followMasterKey(file, { keyId }, warn);
  let proved: string | undefined;
  let opened: string | undefined;
  let last: { readonly check: string; readonly verdict: Verdict } | undefined;
  let judging: Promise<Verdict | undefined> | undefined;

  const settle = (check: string): void => {
    proved = check;
    key = followMasterKey(file, { keyId, check }, warn);
    try {
      remember({ keyId, check });
    } catch (error) {
      warn(`cannot remember that ${file} is the vault's master key: ${sentenceOf(error)}`);
    }
  };
  const judgeNow = async (): Promise<Verdict | undefined> => {
    const reading = key.read();
    if (reading.state !== 'Enabled') return undefined;
    const check = checkOf(reading);
    const verdict = await judge({ ...reading, check, hasOpened: check === opened });
    last = { check, verdict };
    if (verdict.is === 'proved') settle(check);
    return verdict;
  };
  const judgeOnce = async (): Promise<Verdict | undefined> => {
    if (proved !== undefined) return { is: 'proved' };
    judging ??= judgeNow().finally(() => {
      judging = undefined;
    });
    return await judging;
  };
  /**
   * The verdict on the key with this check value; `undefined` if it was not judged yet, or another
   * key was judged since.
   */
  const verdictOn = (check: string): Verdict | undefined => {
    if (proved === undefined) return last?.check === check ? last.verdict : undefined;
    return proved === check
      ? { is: 'proved' }
      : { is: 'incorrect', why: `${file} holds another master key than this vault's` };
  };

  const admit = async (reading: KeyReading): Promise<void> => {
    await judgeOnce();
    const verdict = verdictOn(checkOf(reading));
    if (verdict === undefined) {
      throw fault('KMSInternalException', `it is not known yet whether ${file} is the vault's`);
    }
    if (!('why' in verdict)) return;
    warn(warningOf(verdict));
    throw fault(
      verdict.is === 'incorrect' ? 'IncorrectKeyException' : 'KMSInvalidStateException',
      verdict.why,
    );
  };

  const candidateCheck = (): string | undefined => {
    if (proved !== undefined || stateOfKey(key) !== 'usable') return proved;
    const check = checkOf(key.read());
    return verdictOn(check)?.is === 'incorrect' ? undefined : check;
  };
  const state = () => {
    const found = stateOfKey(key);
    if (found !== 'usable' || proved !== undefined) return found;
    const verdict = verdictOn(checkOf(key.read()));
    if (verdict?.is === 'incorrect') return 'incorrect';
    return verdict === undefined || verdict.is === 'contested' ? 'unproved' : 'usable';
  };
  return {
    arn: key.arn,
    read: () => key.read(),
    proof: {
      admit,
      opened: (reading) => {
        if (proved === undefined) opened = checkOf(reading);
      },
      judge: judgeOnce,
      state,
      check: candidateCheck,
    },
  };
};
