/** The interface of a master key in a file. */
import type { KeyObject } from 'node:crypto';

/** The states of a key, named as in KMS. No command sets `PendingDeletion` any more. */
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
   * Returns the key as it is in the file now, whatever its state. Throws a `KeyFault`: `notFound`
   * if the file is missing, `invalidState` if it is unreadable or damaged, `incorrectKey` if it
   * contains a key that is not the vault's.
   */
  readonly read: () => KeyReading;
};
