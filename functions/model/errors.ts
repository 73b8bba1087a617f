/**
 * The errors that a caller can see. The codes are part of the API (docs/openapi.yaml): add codes, never
 * rename one. Only `http/responses.ts` knows their statuses and sentences.
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
  | 'pin_mismatch'
  | 'version_current'
  | 'not_destroyable'
  | 'version_destroyed'
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

/** The extra properties of a problem document, never with a value, a stack, or any part of a body. */
export type ErrorProperties = {
  readonly field?: string;
  readonly scope?: string;
  readonly limit?: number;
  readonly currentVersion?: number;
  readonly errors?: readonly FileError[];
  readonly errorsTotal?: number;
};

/** One error in a `.env` file. `line` and `column` count from 1, in code points. */
export type FileError = {
  readonly line: number;
  readonly column: number;
  readonly code: FileErrorCode;
  /**
   * Only in `not_found`, `version_conflict`, `pin_mismatch`, `version_destroyed` and `secret_exists`: elsewhere it may be
   * a mistyped value.
   */
  readonly name?: string;
  /** Only in `not_representable`, with `dialect` and `reason`: the key of the assignment. */
  readonly key?: string;
  readonly dialect?: string;
  readonly reason?: UnfitReason;
  /** With the reason `other_line`: the number of the line that causes the error. */
  readonly causeLine?: number;
};

/** Why a dialect has no spelling for a value at all, or none in that line. */
export type UnfitReason =
  /** Reasons in the value. */
  | 'not_utf8'
  | 'nul'
  | 'line_feed'
  | 'carriage_return'
  | 'quotes'
  | 'expansion'
  | 'too_long'
  /** Reasons in the line: its key, its position, its comment, or another line. */
  | 'key'
  | 'byte_order_mark'
  | 'comment'
  | 'other_line'
  /** The reply will be expanded later, and only the dialect's reader would read the line correctly. */
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
  | 'conflicting_enc'
  | 'not_representable'
  | 'not_found'
  | 'version_conflict'
  | 'pin_mismatch'
  | 'version_destroyed'
  | 'secret_exists';

/**
 * Why a request was refused, for the log alone. No reply may have any of it: the word `hidden` tells a hidden
 * name from a missing one. It holds words of the code, names of the operator's policy and numbers, but no
 * part of a request.
 */
export type Why = {
  /** A word of the code, or the scope that the token lacks. */
  readonly why?: string;
  /** The faults of a `.env` file, counted: no name that was not found, because it may be a mistyped value. */
  readonly reasons?: Readonly<Record<string, number>>;
  /** The version that is in the way of the request. */
  readonly blocking?: number;
  /** The id of the issuer that the token names, which no signature need prove. */
  readonly issuer?: string;
  /** The entry of the deny-list, the claim, or the template of a rule and perhaps its claim, that decided. */
  readonly by?: string | undefined;
  /** The rules that did not match, each with its first claim that did not. */
  readonly mismatches?: readonly { readonly rule: number; readonly claim: string }[];
};

/** How often each word occurs. */
export const countsOf = (words: Iterable<string>): Readonly<Record<string, number>> => {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return Object.fromEntries(counts);
};

/**
 * The error of a request, thrown where the cause is known. `http/endpoint.ts` answers it with a problem
 * document: below status 500 with this message, from 500 on only with the fixed sentence of the code.
 */
export class VaultError extends Error {
  override readonly name = 'VaultError';
  readonly code: ErrorCode;
  readonly properties: ErrorProperties;
  /** Whether the same request may succeed later. Overrides the usual value of the code. */
  readonly retryable: boolean | undefined;
  readonly why: Why;

  constructor(
    code: ErrorCode,
    message: string,
    options: { properties?: ErrorProperties; retryable?: boolean; cause?: unknown; why?: Why } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.properties = options.properties ?? {};
    this.why = options.why ?? {};
    this.retryable = options.retryable;
  }
}
