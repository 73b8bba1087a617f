/** The interface of a master key in a file. */
import type { KeyObject } from 'node:crypto';

/** The states of a key, named as in KMS. Only a file of 1.0.0 can say `PendingDeletion`. */
export const keyStates = ['Enabled', 'Disabled', 'PendingDeletion'] as const;
export type KeyState = (typeof keyStates)[number];

/** Whether the key in a file can be used, and if not, why not, in one word. */
export type KeyFileState = 'usable' | 'disabled' | 'missing' | 'unreadable' | 'incorrect';

/** The key and its state, read from the file at the same time. */
export type KeyReading = {
  readonly keyId: string;
  readonly secret: KeyObject;
  readonly state: KeyState;
};

export type MasterKey = {
  /** `keyId` as an ARN, which stored versions contain as `masterKeyId`. */
  readonly arn: string;
  /**
   * Returns the key as it is in the file now, whatever its state. Throws a fault of KMS:
   * `NotFoundException` if the file is missing, `KMSInvalidStateException` if it is unreadable or
   * damaged, `IncorrectKeyException` if it contains a key that is not the vault's.
   */
  readonly read: () => KeyReading;
  /**
   * Present only if the key was opened for a vault before anything had proved that it is the key of
   * this vault.
   */
  readonly proof?: KeyProof;
};

/**
 * `open`: there is no evidence for or against the key, so values may be stored. `contested`: there
 * are several keys, and nothing shows which one is the vault's. `why` is a message for people.
 */
export type Verdict =
  | { readonly is: 'proved' | 'open' }
  | { readonly is: 'contested' | 'incorrect'; readonly why: string };

/** Decides whether a key is the vault's. */
export type KeyProof = {
  /**
   * Must be awaited before anything is sealed with the key. Rejects with a fault of KMS if there is
   * evidence against the key, or if nothing is known yet.
   */
  readonly admit: (reading: KeyReading) => Promise<void>;
  /** Records that the key has opened a stored value. */
  readonly opened: (reading: KeyReading) => void;
  /**
   * Judges the key. If it is proved, remembers its check value. Returns `undefined` if the key
   * cannot be judged, for example because it is disabled.
   */
  readonly judge: () => Promise<Verdict | undefined>;
  /**
   * The state of the key now. `unproved` means that nothing shows whether it is the vault's, so
   * nothing is stored.
   */
  readonly state: () => KeyFileState | 'unproved';
  /** The check value of the key if it is proved, or if there is no evidence against it. */
  readonly check: () => string | undefined;
};
