/**
 * What can go wrong, as the caller sees it. The codes are part of the API (docs/openapi.yaml):
 * add, never rename. `http/responses.ts` alone knows their statuses and sentences.
 */
export type ErrorCode =
  | 'invalid_request'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'route_not_found'
  | 'method_not_allowed'
  | 'request_timeout'
  | 'secret_exists'
  | 'version_conflict'
  | 'too_large'
  | 'unsupported_media_type'
  | 'idempotency_key_reused'
  | 'invalid_env'
  | 'throttled'
  | 'integrity_failure'
  | 'internal'
  | 'master_key_incorrect'
  | 'master_key_unavailable'
  | 'identity_unavailable'
  | 'store_unavailable'
  | 'outcome_unknown';

/** The extra members of a problem. Never a value, a stack, or any part of a body. */
export type ErrorMembers = {
  readonly field?: string;
  readonly scope?: string;
  readonly limit?: number;
  readonly currentVersion?: number;
  readonly errors?: readonly FileError[];
  readonly errorsTotal?: number;
};

/** What is wrong with one place of a `.env` file. `line` and `column` count from 1, in code points. */
export type FileError = {
  readonly line: number;
  readonly column: number;
  readonly code: FileErrorCode;
  /** Only in `not_found` and `secret_exists`: elsewhere a name may be a value that was mistyped. */
  readonly name?: string;
  /** The rest only in `not_representable`: which assignment, for which dialect, and why. */
  readonly key?: string;
  readonly dialect?: string;
  readonly reason?: UnfitReason;
  /** With the reason `other_line`: the number of the line that is to blame. */
  readonly causeLine?: number;
};

/** Why a dialect has no spelling for a value, or none in that place. */
export type UnfitReason =
  /** Of the value. */
  | 'not_utf8'
  | 'nul'
  | 'line_feed'
  | 'carriage_return'
  | 'quotes'
  | 'expansion'
  | 'too_long'
  /** Of its line: what the reader makes of its key, its place, its comment, or another line. */
  | 'key'
  | 'byte_order_mark'
  | 'comment'
  | 'other_line'
  /** Of the reply, which is to be expanded: only the dialect's reader would read it right. */
  | 'expanded_later';

type FileErrorCode =
  | 'missing_equals'
  | 'unterminated_quote'
  | 'text_after_quote'
  | 'bad_key'
  | 'bad_character'
  | 'bad_escape'
  | 'duplicate_key'
  | 'malformed_reference'
  | 'enc_not_allowed'
  | 'unused_value'
  | 'ambiguous_value'
  | 'unresolved_value'
  | 'nested_reference'
  | 'reference_to_new_secret'
  | 'not_representable'
  | 'not_found'
  | 'secret_exists';

/**
 * The one error class. Thrown at the edge that knows, caught once in `http/endpoint.ts`. Below
 * status 500 the message is for the caller; from 500 on only the code's fixed sentence leaves.
 */
export class VaultError extends Error {
  override readonly name = 'VaultError';
  readonly code: ErrorCode;
  readonly members: ErrorMembers;
  /** Overrides the code's usual answer to "may the same request succeed later?". */
  readonly retryable: boolean | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { members?: ErrorMembers; retryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.members = options.members ?? {};
    this.retryable = options.retryable;
  }
}
