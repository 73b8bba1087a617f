/**
 * The errors that the client throws. The `code` of an error determines the type of its `problem`.
 */
import type { Problem } from './types.ts';

/** A refusal of the vault, with its `problem`, such as `currentVersion` for `version_conflict`. */
type Refusal = {
  [Code in Problem['code']]: {
    readonly code: Code;
    readonly problem: Extract<Problem, { code: Code }>;
  };
}[Problem['code']];

/**
 * The client got no answer from a vault. `unreachable`: there was no connection, or it broke; not
 * `retryable` if the address is `https://` but the server speaks plain HTTP. `timed_out`: an
 * attempt exceeded its time limit. `untrusted`: the server's certificate is not trusted, and
 * nothing was sent. `unexpected_reply`: whatever answered is not a vault. `no_token`: the client
 * has no token that can be sent.
 */
type NoAnswer = {
  readonly code: 'unreachable' | 'timed_out' | 'untrusted' | 'unexpected_reply' | 'no_token';
  readonly problem?: undefined;
};

type Facts = {
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /**
   * Whether the operation may have taken effect. Then repeat it with `idempotencyKey`, so that it
   * takes effect only once.
   */
  readonly mayHaveEffect: boolean;
  /** The idempotency key of the request, if its operation accepts one. */
  readonly idempotencyKey: string | undefined;
  readonly status: number | undefined;
};

/**
 * The error that an operation of the client throws if the vault refuses it, or if no vault answers.
 * `message` never contains a value or a token.
 */
export type VaultError = Error & { readonly name: 'VaultError' } & Facts & (Refusal | NoAnswer);

/** The class of all `VaultError`s, whose type is a union and so cannot be a class. */
class ClientError extends Error {}

/** Whether the client threw this error because the vault refused an operation or did not answer. */
export const isVaultError = (error: unknown): error is VaultError => error instanceof ClientError;

type ErrorParts = Facts & {
  readonly code: string;
  readonly message: string;
  readonly problem?: unknown;
  readonly cause?: unknown;
};

export const vaultError = ({ message, cause, ...parts }: ErrorParts): VaultError =>
  Object.assign(new ClientError(message, { cause }), {
    name: 'VaultError',
    ...parts,
  }) as VaultError;
