/** The master key as the vault uses it, whether it is in a KMS or in a file, and its faults. */
import type { DataKey } from '../vault/ports.ts';

/** How the vault answers a request whose call to the master key failed. */
export type Meaning = {
  readonly code: 'master_key_incorrect' | 'master_key_unavailable' | 'throttled';
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
};

export const incorrect: Meaning = { code: 'master_key_incorrect', retryable: false };
export const unusable: Meaning = { code: 'master_key_unavailable', retryable: false };
export const unreachable: Meaning = { code: 'master_key_unavailable', retryable: true };
export const throttled: Meaning = { code: 'throttled', retryable: true };

/** The `cause` is the word that the request's line in the log shows. */
export type Fault = Meaning & { readonly cause: string };

/**
 * The faults that a key in a KMS and a key in a file have in common. Their causes are KMS's words
 * for them, and docs/runbook.md says what to do about each.
 */
export const keyFaults = {
  disabled: { ...unusable, cause: 'DisabledException' },
  notFound: { ...unusable, cause: 'NotFoundException' },
  invalidState: { ...unusable, cause: 'KMSInvalidStateException' },
  /** The master key is not the one that wrapped the data key, or not the vault's. */
  incorrectKey: { ...incorrect, cause: 'IncorrectKeyException' },
  /** The wrapped data key is damaged or bound to something else. */
  invalidCiphertext: { ...incorrect, cause: 'InvalidCiphertextException' },
} satisfies Readonly<Record<string, Fault>>;

/** A fault of the master key, as each `KeyService` throws it. */
export class KeyFault extends Error implements Fault {
  readonly code: Meaning['code'];
  readonly retryable: boolean;
  override readonly cause: string;
  /** The id of the call in the audit log of KMS, if KMS replied. */
  readonly requestId: string | undefined;

  /** No reply and no line of a request contains the message. It may name the key or its file. */
  constructor({ code, retryable, cause }: Fault, message: string, requestId?: string) {
    super(message);
    // A log line shows the name of the error that refused its request.
    this.name = cause;
    this.code = code;
    this.retryable = retryable;
    this.cause = cause;
    this.requestId = requestId;
  }
}

/** The id of the call in the audit log of KMS. A key in a file has none. */
type Answered = { readonly requestId?: string | undefined };

/** What a data key is bound to: it can be unwrapped only with exactly the same entries. */
type BoundTo = Readonly<Record<string, string>>;

/** Each function makes one attempt, and throws a `KeyFault` if the key fails. */
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
