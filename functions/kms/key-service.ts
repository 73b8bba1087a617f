/**
 * The master key as the vault uses it, whether it is in a KMS or in a file. Each function makes one
 * attempt, and throws an error with the name that KMS has for the fault (`DisabledException`, …).
 * data-keys.ts says what each name means.
 */
import type { DataKey } from '../vault/ports.ts';

/** The id of the call in the audit log of KMS. A key in a file has none. */
type Answered = { readonly requestId?: string | undefined };

/** What a data key is bound to: it can be unwrapped only with exactly the same entries. */
type BoundTo = Readonly<Record<string, string>>;

export type KeyService = {
  /** Generates a data key. The caller must zero `plaintext`. */
  readonly generate: (bound: BoundTo, signal: AbortSignal) => Promise<Partial<DataKey> & Answered>;
  /** Unwraps a data key. The caller must zero `plaintext`. */
  readonly unwrap: (
    bound: BoundTo,
    wrapped: Uint8Array,
    signal: AbortSignal,
  ) => Promise<Partial<Pick<DataKey, 'plaintext'>> & Answered>;
  readonly describe: (
    signal: AbortSignal,
  ) => Promise<
    { readonly masterKeyId: string | undefined; readonly isEnabled: boolean } & Answered
  >;
};
