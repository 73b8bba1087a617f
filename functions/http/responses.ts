/**
 * Builds replies, and has the table of the statuses of errors. Below status 500 an error's reply
 * carries its own message, from 500 on only the fixed sentence of its code.
 */
import { anchored } from '../crypto/fingerprint.ts';
import { ApiError, type ErrorCode, type ErrorProperties, type FileError } from '../model/errors.ts';
import { times } from '../model/limits.ts';
import {
  decodeUtf8,
  formatInstant,
  type StoredVersion,
  type WriteRef,
  type WrittenVersion,
} from '../model/types.ts';
import type { HttpReply, HttpRequest } from './messages.ts';
import { bearsToken, hasIdempotencyKey } from './requests.ts';

/** What a route answers. `reply` adds the headers that every reply has. */
export type Reply = {
  readonly status: number;
  /** `undefined` for no body. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export type TextReply = Omit<Reply, 'body'> & { readonly text: string };

export const reply = (answer: Reply | TextReply, requestId: string): HttpReply => {
  const isText = 'text' in answer;
  const type = isText ? 'text/plain; charset=utf-8' : 'application/json';
  const body = isText ? answer.text : JSON.stringify(answer.body);
  return {
    status: answer.status,
    headers: {
      ...(body !== undefined && { 'Content-Type': type }),
      ...standing(requestId),
      ...answer.headers,
    },
    body: body ?? '',
  };
};

/**
 * The answer to a write of one version. It adds no entity tag to `headers`: in the reply to a PUT,
 * a tag would mean that the vault stored the body exactly as it was sent (RFC 9110, 9.3.4).
 */
export const written = (
  status: number,
  { validFrom, ...ref }: WrittenVersion & WriteRef,
  replayed: boolean,
  headers: Readonly<Record<string, string>> = {},
): Reply & { readonly body: object } => ({
  status,
  body: { ...anchored(ref), validFrom: formatInstant(validFrom) },
  headers: { ...headers, ...replayedHeader(replayed) },
});

export const etag = (version: number): string => `"${version}"`;

export const replayedHeader = (replayed: boolean): Readonly<Record<string, string>> =>
  replayed ? { 'Idempotency-Replayed': 'true' } : {};

/** The half-open validity interval of a version. `validTo` is null while the version is current. */
export const validity = ({ validFrom, validTo }: StoredVersion) => ({
  validFrom: formatInstant(validFrom),
  validTo: validTo === undefined ? null : formatInstant(validTo),
});

export const encodeValue = (
  value: Uint8Array,
): { readonly value: string; readonly encoding: 'utf8' | 'base64' } => {
  const text = decodeUtf8(value);
  if (text !== undefined) return { value: text, encoding: 'utf8' };
  return { value: Buffer.from(value).toString('base64'), encoding: 'base64' };
};

type Headers = Pick<HttpRequest, 'headers'>;

/**
 * Builds the problem document (RFC 9457) for an error, in reply to a request with these headers.
 * Any error other than an `ApiError` gets the code `internal`. `explain` returns a sentence about
 * an error of a `.env` file.
 */
export const problem = (
  error: unknown,
  requestId: string,
  request: Headers = { headers: {} },
  explain?: (error: FileError) => string,
): HttpReply => {
  const known = error instanceof ApiError ? error : new ApiError('internal', '');
  const { status, title = titleOf(known.code), sentence, ...usually } = problems[known.code];
  const retryable = known.retryable ?? usually.retryable ?? false;
  // Proxies repeat requests whose reply has Retry-After. Without an Idempotency-Key, that could
  // carry out a write twice if its outcome is unknown.
  const invitesRepetition =
    retryable && (known.code !== 'outcome_unknown' || hasIdempotencyKey(request));
  return {
    status,
    headers: {
      'Content-Type': 'application/problem+json',
      ...standing(requestId),
      ...challengeOf(known, request),
      ...(invitesRepetition && retryAfter),
    },
    body: JSON.stringify({
      type: `https://vault.invalid/problems/${known.code.replaceAll('_', '-')}`,
      title,
      status,
      code: known.code,
      detail: status < 500 ? known.message : sentence,
      requestId,
      retryable,
      ...(status < 500 && explained(known.properties, explain)),
    }),
  };
};

const explained = (properties: ErrorProperties, explain?: (error: FileError) => string) => {
  const errors = properties.errors?.map((one) => ({ ...one, detail: explain?.(one) }));
  return { ...properties, ...(errors && { errors }) };
};

export const retryAfter = { 'Retry-After': String(times.retryAfterS) } as const;

/**
 * The header `WWW-Authenticate` of RFC 6750, section 3, for a missing or refused token and for a
 * missing scope. A token that does not cover a name gets none: the vault cannot say which token
 * would.
 */
const challengeOf = (
  { code, message, properties: { scope } }: ApiError,
  request: Headers,
): Readonly<Record<string, string>> => {
  const challenge = (parameters = '') => ({ 'WWW-Authenticate': `Bearer${parameters}` });
  if (code === 'unauthenticated') {
    if (!bearsToken(request)) return challenge();
    return challenge(` error="invalid_token", error_description="${message}"`);
  }
  return code === 'forbidden' && scope !== undefined
    ? challenge(` error="insufficient_scope", scope="${scope}"`)
    : {};
};

const standing = (requestId: string) => ({
  'X-Request-Id': requestId,
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
});

type Problem = {
  readonly status: number;
  /** The title of the problem document. By default, it is made from the words of the code. */
  readonly title?: string;
  readonly retryable?: true;
  /** The `detail` of the problem document, for statuses from 500 on. */
  readonly sentence?: string;
};

const problems: Readonly<Record<ErrorCode, Problem>> = {
  invalid_request: { status: 400 },
  unauthenticated: { status: 401 },
  forbidden: { status: 403 },
  not_found: { status: 404 },
  route_not_found: { status: 404 },
  method_not_allowed: { status: 405 },
  request_timeout: { status: 408, retryable: true },
  secret_exists: { status: 409 },
  pin_mismatch: { status: 409 },
  version_current: { status: 409 },
  not_destroyable: { status: 409 },
  version_destroyed: { status: 410 },
  version_conflict: { status: 412 },
  too_large: { status: 413 },
  unsupported_media_type: { status: 415 },
  idempotency_key_reused: { status: 422 },
  invalid_env: { status: 422, title: 'Invalid .env file' },
  throttled: { status: 429, retryable: true },
  integrity_failure: {
    status: 500,
    sentence:
      'A stored record is missing or damaged, or was changed outside the vault. Nothing was returned.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    sentence: 'The vault failed. Its log has the cause, under this request id.',
  },
  master_key_incorrect: {
    status: 503,
    sentence:
      'The configured master key is not the one that sealed this value. Nothing was returned or written.',
  },
  master_key_unavailable: {
    status: 503,
    sentence: 'The master key cannot be used now. Nothing was returned and nothing was written.',
  },
  identity_unavailable: {
    status: 503,
    retryable: true,
    sentence: "The issuer's key set cannot be reached, so no token can be checked.",
  },
  store_unavailable: {
    status: 503,
    retryable: true,
    sentence: 'The store cannot be reached, or is too slow. Nothing was written.',
  },
  outcome_unknown: {
    status: 503,
    retryable: true,
    sentence:
      'The write may have taken effect. Repeat it with the same Idempotency-Key, or read the secret.',
  },
};

const titleOf = (code: ErrorCode): string =>
  code.charAt(0).toUpperCase() + code.slice(1).replaceAll('_', ' ');
