/**
 * The errors that a caller can see. Codes are part of the API (docs/openapi.yaml): add codes, but
 * never rename one. Their statuses and fixed sentences are in `http/responses.ts` only.
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

/**
 * The extra properties of a problem document. They never contain a value, a stack, or any part of a
 * body.
 */
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
   * Present only with the codes `not_found`, `version_conflict`, `pin_mismatch`,
   * `version_destroyed` and `secret_exists`, and with `unresolved_value` if a line has this key.
   * Otherwise, the name could be a mistyped value.
   */
  readonly name?: string;
  /** The key of the assignment, if the error is in one. A key is no part of a reference. */
  readonly key?: string;
  /** Present only with `not_representable`, like `reason`. */
  readonly dialect?: string;
  readonly reason?: UnfitReason;
  /** The number of the line that causes the error. Only with the reason `other_line`. */
  readonly causeLine?: number;
};

/** Why a dialect cannot express a value, either at all or on this line. */
export type UnfitReason =
  /** Reasons that lie in the value: no line of the dialect can express it. */
  | 'not_utf8'
  | 'nul'
  | 'line_feed'
  | 'carriage_return'
  | 'quotes'
  | 'expansion'
  | 'too_long'
  /**
   * Reasons that lie in the line: its key, its position, its comment, or another line that affects
   * it.
   */
  | 'key'
  | 'byte_order_mark'
  | 'comment'
  | 'other_line'
  /**
   * The reply will be expanded later, and only the reader of the dialect would read the line
   * correctly.
   */
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
 * What only the log says about a refusal, under these field names. No reply may contain any of it:
 * the word `hidden` distinguishes a hidden name from a missing one. It consists of the vault's own
 * fixed words, names from the operator's policy, and numbers, but no part of a request.
 */
export type ForLog = {
  /**
   * Why the request was refused: one of the vault's own fixed words, such as `hidden`, or the scope
   * that the token lacks.
   */
  readonly why?: string;
  /**
   * How often each kind of fault occurs in a `.env` file. The names concerned are not logged, since
   * they may be mistyped values.
   */
  readonly reasons?: Readonly<Record<string, number>>;
  /** The number of the version because of which a write or a destruction was refused. */
  readonly blocking?: number;
  /**
   * The id of the issuer that the token names. The signature need not prove that the token comes
   * from it.
   */
  readonly issuer?: string;
  /**
   * The part of the access policy or of the token that decided a refusal: an entry of the
   * deny-list, a claim, or a part of a rule and possibly its claim.
   */
  readonly by?: string | undefined;
  /**
   * The rules of the access policy that did not match the token, each with the first claim that
   * differed: the first `limits.lineEntriesMax` of them.
   */
  readonly mismatches?: readonly { readonly rule: number; readonly claim: string }[];
};

/** Counts how often each word occurs. */
export const countsOf = (words: Iterable<string>): Readonly<Record<string, number>> => {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return Object.fromEntries(counts);
};

/**
 * The error of a request, thrown where its cause is known. `http/endpoint.ts` turns it into a
 * problem document: with this message below status 500, and with the fixed sentence of the code
 * from 500 on.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ErrorCode;
  readonly properties: ErrorProperties;
  /**
   * Whether the same request may succeed later. If it is set, it overrides the default of the
   * error's code.
   */
  readonly retryable: boolean | undefined;
  readonly forLog: ForLog;

  constructor(
    code: ErrorCode,
    message: string,
    options: Partial<Pick<ApiError, 'properties' | 'retryable' | 'forLog' | 'cause'>> = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.properties = options.properties ?? {};
    this.forLog = options.forLog ?? {};
    this.retryable = options.retryable;
  }
}
