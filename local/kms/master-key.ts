/** What a master key in a file is to those who use it. */
import type { KeyObject } from 'node:crypto';

/** The states of a key in KMS's own words. Only a file of 1.0.0 may say `PendingDeletion`. */
export const keyStates = ['Enabled', 'Disabled', 'PendingDeletion'] as const;
export type KeyState = (typeof keyStates)[number];

/** How the file of a key is now, in one word. */
export type KeyFileState = 'usable' | 'disabled' | 'missing' | 'unreadable' | 'incorrect';

/** The key and its state, from one reading of the file. */
export type KeyReading = {
  readonly keyId: string;
  readonly secret: KeyObject;
  readonly state: KeyState;
};

export type MasterKey = {
  /** `keyId` in the form of an ARN, which stored versions hold as `masterKeyId`. */
  readonly arn: string;
  /**
   * Returns the key as the file holds it now, in whatever state. Throws a fault of KMS: `NotFoundException` if the file
   * is gone, `KMSInvalidStateException` if it cannot be read or is damaged, `IncorrectKeyException` if it holds another
   * key than the vault's.
   */
  readonly read: () => KeyReading;
  /** Only for a key that nothing has proved to be the vault's when it was opened. */
  readonly proof?: KeyProof;
};

/**
 * `open`: nothing speaks for the key or against it, so values may be stored. `contested`: nothing tells which of several
 * keys is the vault's. `why` is a sentence.
 */
export type Verdict =
  | { readonly is: 'proved' | 'open' }
  | { readonly is: 'contested' | 'incorrect'; readonly why: string };

/** Whether a key is the vault's. */
export type KeyProof = {
  /**
   * Must be awaited before anything is sealed under the key. Rejects with a fault of KMS if something speaks against the
   * key, or if nothing is known yet.
   */
  readonly admit: (reading: KeyReading) => Promise<void>;
  /** Notes that the key has opened a stored value. */
  readonly opened: (reading: KeyReading) => void;
  /** Judges the key, and remembers it if it is proved. `undefined` if it cannot be judged, as a disabled key. */
  readonly judge: () => Promise<Verdict | undefined>;
  /** How the key is now. `unproved`: nothing is stored, and nothing tells whether it is the vault's. */
  readonly state: () => KeyFileState | 'unproved';
  /** The check value of the proved key, or of one that nothing speaks against. */
  readonly check: () => string | undefined;
};
