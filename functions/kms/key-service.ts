/**
 * The master key as the vault uses it, whether it is in a KMS or in a file. Each function makes one attempt and throws
 * an error with the name that KMS gives to the fault (`DisabledException`, …); data-keys.ts says what each name means.
 */
import type { DataKey } from '../vault/ports.ts';

/** The id by which the audit log of a KMS knows the call. A key in a file gives none. */
type Answered = { readonly requestId?: string | undefined };

/** What a data key is bound to: it opens only with the same names and values. */
type BoundTo = Readonly<Record<string, string>>;

export type KeyService = {
  /** Makes a data key. The caller must zero `plaintext`. */
  readonly generate: (bound: BoundTo, signal: AbortSignal) => Promise<Partial<DataKey> & Answered>;
  /** Opens a wrapped data key. The caller must zero `plaintext`. */
  readonly unwrap: (
    bound: BoundTo,
    wrapped: Uint8Array,
    signal: AbortSignal,
  ) => Promise<Partial<Pick<DataKey, 'plaintext'>> & Answered>;
  /** Says whether the key can be used now. */
  readonly describe: (
    signal: AbortSignal,
  ) => Promise<
    { readonly masterKeyId: string | undefined; readonly isEnabled: boolean } & Answered
  >;
};
