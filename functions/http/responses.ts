/**
 * Replies in the form of API Gateway, and the only table of codes. Below status 500 a reply has the message
 * of the error, from 500 on only the fixed sentence of the code.
 */

import type { APIGatewayProxyResult } from 'aws-lambda';
import { type ErrorCode, VaultError } from '../model/errors.ts';
import { times } from '../model/limits.ts';
import { formatInstant, type StoredVersion, type WrittenVersion } from '../model/types.ts';
import { bearsToken, type HttpRequest, hasIdempotencyKey } from './requests.ts';

/** The answer of a route. `reply` adds the headers of every reply. */
export type Reply = {
  readonly status: number;
  /** `undefined` for no body. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

/** A reply of text instead of JSON. */
export type TextReply = Omit<Reply, 'body'> & { readonly text: string };

export const reply = (answer: Reply | TextReply, requestId: string): APIGatewayProxyResult => {
  const isText = 'text' in answer;
  const type = isText ? 'text/plain; charset=utf-8' : 'application/json';
  const body = isText ? answer.text : JSON.stringify(answer.body);
  return {
    statusCode: answer.status,
    headers: {
      ...(body !== undefined && { 'Content-Type': type }),
      ...standing(requestId),
      ...answer.headers,
    },
    body: body ?? '',
  };
};

/**
 * The answer to a write of one version, without an entity-tag: in the reply to a PUT, a tag would say that
 * the vault stored the body as it was sent (RFC 9110, 9.3.4).
 */
export const written = (
  status: number,
  { name, version, validFrom }: WrittenVersion,
  replayed: boolean,
  headers: Readonly<Record<string, string>> = {},
): Reply => ({
  status,
  body: { name, version, validFrom: formatInstant(validFrom) },
  headers: { ...headers, ...replayedHeader(replayed) },
});

/** The strong entity-tag of a version. */
export const etag = (version: number): string => `"${version}"`;

export const replayedHeader = (replayed: boolean): Readonly<Record<string, string>> =>
  replayed ? { 'Idempotency-Replayed': 'true' } : {};

/** The validity interval of a version in a reply: half-open, with `validTo` null while the version is current. */
export const validity = ({ validFrom, validTo }: StoredVersion) => ({
  validFrom: formatInstant(validFrom),
  validTo: validTo === undefined ? null : formatInstant(validTo),
});

/** A value in a reply: text if it is UTF-8, else base64. */
export const encodeValue = (
  value: Uint8Array,
): { readonly value: string; readonly encoding: 'utf8' | 'base64' } => {
  try {
    return { value: exact.decode(value), encoding: 'utf8' };
  } catch {
    return { value: Buffer.from(value).toString('base64'), encoding: 'base64' };
  }
};

const exact = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

type Headers = Pick<HttpRequest, 'headers'>;

/**
 * The problem document (RFC 9457) of an error, in answer to a request with these headers. Any error but a `VaultError`
 * has the code `internal`.
 */
export const problem = (
  error: unknown,
  requestId: string,
  request: Headers = { headers: [[], []] },
): APIGatewayProxyResult => {
  const known = error instanceof VaultError ? error : new VaultError('internal', '');
  const { status, title, sentence, retryable: isUsuallyRetryable } = problems[known.code];
  const retryable = known.retryable ?? isUsuallyRetryable;
  // Proxies repeat what has this header. Without a key, an unclear write could then be done twice.
  const invitesRepetition =
    retryable && (known.code !== 'outcome_unknown' || hasIdempotencyKey(request));
  return {
    statusCode: status,
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
      ...(status < 500 && known.properties),
    }),
  };
};

/** When a caller may ask again. */
export const retryAfter = { 'Retry-After': String(times.retryAfterS) } as const;

/** The challenge of RFC 6750, section 3. A refusal for a name has none, because no token is known to be better. */
const challengeOf = (
  { code, message, properties: { scope } }: VaultError,
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
  readonly title: string;
  /** The detail from status 500 on. */
  readonly sentence: string;
  readonly retryable: boolean;
};

const refusal = (status: number, title: string, retryable = false): Problem => ({
  status,
  title,
  sentence: '',
  retryable,
});
const failure = (status: number, title: string, retryable: boolean, sentence: string): Problem => ({
  status,
  title,
  sentence,
  retryable,
});

const problems: Readonly<Record<ErrorCode, Problem>> = {
  invalid_request: refusal(400, 'Invalid request'),
  unauthenticated: refusal(401, 'Unauthenticated'),
  forbidden: refusal(403, 'Forbidden'),
  not_found: refusal(404, 'Not found'),
  route_not_found: refusal(404, 'Route not found'),
  method_not_allowed: refusal(405, 'Method not allowed'),
  request_timeout: refusal(408, 'Request timeout', true),
  secret_exists: refusal(409, 'Secret exists'),
  version_current: refusal(409, 'Version current'),
  not_destroyable: refusal(409, 'Not destroyable'),
  version_destroyed: refusal(410, 'Version destroyed'),
  version_conflict: refusal(412, 'Version conflict'),
  too_large: refusal(413, 'Too large'),
  unsupported_media_type: refusal(415, 'Unsupported media type'),
  idempotency_key_reused: refusal(422, 'Idempotency key reused'),
  invalid_env: refusal(422, 'Invalid .env file'),
  throttled: refusal(429, 'Throttled', true),
  integrity_failure: failure(
    500,
    'Integrity failure',
    false,
    'A stored record does not open under its own identity. Nothing was returned.',
  ),
  internal: failure(500, 'Internal error', false, 'The vault failed; its log has the request id.'),
  master_key_incorrect: failure(
    503,
    'Master key incorrect',
    false,
    'The record was sealed under another master key than the configured one.',
  ),
  master_key_unavailable: failure(
    503,
    'Master key unavailable',
    false,
    'The master key cannot be used now. Nothing was returned and nothing was written.',
  ),
  identity_unavailable: failure(
    503,
    'Identity unavailable',
    true,
    "The issuer's key set cannot be reached, so no token can be checked.",
  ),
  store_unavailable: failure(
    503,
    'Store unavailable',
    true,
    'The store cannot be reached, or is too slow. Nothing was written.',
  ),
  outcome_unknown: failure(
    503,
    'Outcome unknown',
    true,
    'The write may have taken effect. Repeat it with the same Idempotency-Key, or read.',
  ),
};
