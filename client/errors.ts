/** The errors of the client. The type of `problem` follows from the code of an error. */
import { types } from 'node:util';
import type { Problem } from './types.ts';

/** A refusal of the vault, with its `problem`, such as `currentVersion` for `version_conflict`. */
type Refusal = {
  [Code in Problem['code']]: {
    readonly code: Code;
    readonly problem: Extract<Problem, { code: Code }>;
  };
}[Problem['code']];

/**
 * No answer of a vault. `unreachable`: there was no connection, or it broke. `timed_out`: the time limit of
 * an attempt passed. `untrusted`: the server's certificate is not trusted, and nothing was sent.
 * `unexpected_reply`: something answered that is no vault. `no_token`: the client has no token that can be
 * sent.
 */
type NoAnswer = {
  readonly code: 'unreachable' | 'timed_out' | 'untrusted' | 'unexpected_reply' | 'no_token';
  readonly problem?: undefined;
};

type Facts = {
  /** The request may succeed later, unchanged. */
  readonly retryable: boolean;
  /** The operation may have been done all the same. Repeat it with `idempotencyKey` to have it done once. */
  readonly mayHaveEffect: boolean;
  /** The key of the request, if it was one that takes a key. */
  readonly idempotencyKey: string | undefined;
  readonly status: number | undefined;
};

/** The error that every operation of the client throws. `message` never has a value or a token. */
export type VaultError = Error & { readonly name: 'VaultError' } & Facts & (Refusal | NoAnswer);

export const isVaultError = (error: unknown): error is VaultError =>
  types.isNativeError(error) && error.name === 'VaultError';

type ErrorParts = Facts & {
  readonly code: string;
  readonly message: string;
  readonly problem?: unknown;
  readonly cause?: unknown;
};

export const vaultError = ({ message, cause, ...parts }: ErrorParts): VaultError =>
  Object.assign(new Error(message, { cause }), { name: 'VaultError', ...parts }) as VaultError;
