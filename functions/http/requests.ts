/** Reads the parts of a request, and refuses what is malformed. */
import { type Fingerprint, fingerprint } from '../crypto/fingerprint.ts';
import { ApiError } from '../model/errors.ts';
import { limits, times } from '../model/limits.ts';
import {
  decodeUtf8,
  isSecretName,
  isVersionNumber,
  isVersionTag,
  type Principal,
  parseAskedInstant,
  secretNameForm,
  versionNumberForm,
} from '../model/types.ts';
import type { HttpRequest, PathParameters } from './messages.ts';

/** A request after the checks of the endpoint, to be parsed by its route. */
export type ReceivedRequest = Omit<HttpRequest, 'body'> & {
  readonly parameters: PathParameters;
  readonly principal: Principal;
  /** The body as text; empty if the route takes none. */
  readonly body: Body;
  readonly now: number;
};
export type Body = { readonly text: string; readonly type: string };

/**
 * The error for a malformed part of a request. The sentence must name the field and must not quote
 * its content.
 */
export const invalid = (field: string, sentence: string): ApiError =>
  new ApiError('invalid_request', sentence, { properties: { field } });

type Headers = Pick<HttpRequest, 'headers'>;

/** All values of a header. `name` must be in lower case. */
export const headerValues = ({ headers }: Headers, name: string): readonly string[] =>
  headers[name] ?? [];

/** The value of a header that may occur only once. Throws `invalid_request` if it is repeated. */
export const headerValue = (request: Headers, name: string): string | undefined => {
  const [value, ...others] = headerValues(request, name);
  if (others.length > 0) throw invalid(name, `the header ${name} may occur only once`);
  return value;
};

/** Whether the request has a token, however malformed. */
export const bearsToken = (request: Headers): boolean =>
  headerValues(request, 'authorization').some((value) => /^Bearer( |$)/i.test(value));

/** Whether an Idempotency-Key was sent, even a malformed one. */
export const hasIdempotencyKey = (request: Headers): boolean =>
  headerValues(request, 'idempotency-key').length > 0;

/**
 * The query parameters. Throws `invalid_request` for one that is not in `allowed`, or is repeated.
 */
export const queryOf = (
  { query }: Pick<HttpRequest, 'query'>,
  allowed: readonly string[],
): ReadonlyMap<string, string> => {
  const parameters = new Map<string, string>();
  for (const [name, value] of query) {
    if (!allowed.includes(name)) throw invalid('query', unknownParameter(allowed));
    if (parameters.has(name)) throw invalid(name, `the parameter ${name} may occur only once`);
    parameters.set(name, value);
  }
  return parameters;
};

const unknownParameter = (allowed: readonly string[]): string =>
  allowed.length === 0
    ? 'this route takes no query parameters'
    : `unknown query parameter; this route takes ${allowed.join(', ')}`;

/**
 * The value of a query parameter that must be one of `choices`; `undefined` if it was not sent.
 * Throws `invalid_request` for any other value.
 */
export const choiceOf = <Choice extends string>(
  query: ReadonlyMap<string, string>,
  name: string,
  choices: readonly Choice[],
): Choice | undefined => {
  const text = query.get(name);
  const chosen = choices.find((choice) => choice === text);
  if (text !== undefined && chosen === undefined) {
    throw invalid(name, `${name} must be ${choices.join(' or ')}`);
  }
  return chosen;
};

/**
 * The secret's name in the path, which is not decoded. Throws `invalid_request` if it is not a
 * valid name.
 */
export const pathName = ({
  parameters: { name = '' },
}: Pick<ReceivedRequest, 'parameters'>): string => {
  if (!isSecretName(name)) throw invalid('name', `the name in the path must be ${secretNameForm}`);
  return name;
};

/** Throws `invalid_request` if the text is not a version number. */
export const versionOf = (text = ''): number => {
  if (!isVersionNumber(text))
    throw invalid('version', `the version must be a whole number ${versionNumberForm}`);
  return Number(text);
};

/**
 * Parses the instant as of which a secret is read. Throws `invalid_request` if it is malformed or
 * more than `times.atAheadMs` after `now`.
 */
export const instantOf = (text: string, now: number): number => {
  const instant = parseAskedInstant(text);
  if (instant === undefined) {
    throw invalid('at', 'at must be a time in UTC such as 2026-11-24T14:30:48.123Z (RFC 3339)');
  }
  if (instant > now + times.atAheadMs) {
    throw invalid('at', 'at is in the future: leave it out to read what is current');
  }
  return instant;
};

/**
 * The URL of a secret, relative to the URL of the request `/v1/secrets`. It is relative because the
 * vault does not know the stage of an API Gateway in front of it, with which the path in that URL
 * may begin. A request with a trailing slash reaches the same route, but needs a shorter reference.
 */
export const referenceTo = (name: string, { path }: Pick<HttpRequest, 'path'>): string =>
  path.endsWith('/') ? name : `secrets/${name}`;

const entityTags =
  /^\s*(?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*"\s*(?:,\s*(?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*"\s*)*$/;
const idempotencyKey = /^[\x21-\x7e]+$/;

/**
 * The `If-Match` header: `*` or versions. Weak tags, and tags that are not versions, match nothing.
 */
export const ifMatchOf = (request: Headers): '*' | readonly string[] | undefined =>
  tagsOf(request, 'if-match', false);

/**
 * The `If-None-Match` header: `*` or versions. Weak tags match like strong ones (RFC 9110, 13.1.2).
 */
export const ifNoneMatchOf = (request: Headers): '*' | readonly string[] | undefined =>
  tagsOf(request, 'if-none-match', true);

const tagsOf = (
  request: Headers,
  header: 'if-match' | 'if-none-match',
  acceptsWeak: boolean,
): '*' | readonly string[] | undefined => {
  const values = headerValues(request, header);
  if (values.length === 0) return undefined;
  const text = values.join(',');
  if (text.trim() === '*') return '*';
  if (!entityTags.test(text))
    throw invalid(header, `${header} must be * or a list of entity tags such as "3"`);
  return [...text.matchAll(/(W\/)?"([^"]*)"/g)].flatMap(([, weak, tag = '']) =>
    (acceptsWeak || weak === undefined) && isVersionTag(tag) ? [tag] : [],
  );
};

/**
 * Throws `invalid_request` if the request has this header, which would have no effect here.
 * Otherwise a caller could rely on it.
 */
export const refuseHeader = (request: Headers, name: string, sentence: string): void => {
  if (headerValues(request, name).length > 0) throw invalid(name, sentence);
};

/**
 * The fingerprint of a request with an Idempotency-Key; `undefined` without one. `content` is
 * everything that a repetition must have in common with the first request. Throws `invalid_request`
 * for a malformed key.
 */
export const fingerprintOf = (
  request: Headers & { readonly principal: Principal },
  content: readonly (string | Uint8Array | undefined)[],
): Fingerprint | undefined => {
  const key = idempotencyKeyOf(request);
  return key === undefined ? undefined : fingerprint(key, request.principal, content);
};

/**
 * A text as a part of the content for `fingerprintOf`: a list of it, or an empty list if the caller
 * did not send it.
 */
export const given = (part: string | undefined): string[] => (part === undefined ? [] : [part]);

const idempotencyKeyOf = (request: Headers): string | undefined => {
  const key = headerValue(request, 'idempotency-key');
  if (key === undefined) return undefined;
  const { idempotencyKeyCharactersMin: min, idempotencyKeyCharactersMax: max } = limits;
  if (key.length < min || key.length > max || !idempotencyKey.test(key)) {
    throw invalid(
      'idempotency-key',
      `the Idempotency-Key must be ${min} to ${max} visible ASCII characters`,
    );
  }
  return key;
};

/**
 * The media type of the body in lower case, without parameters; empty if none was sent, `undefined`
 * if it has a parameter other than `charset=utf-8`.
 */
export const mediaType = (request: Headers): string | undefined => {
  const header = headerValue(request, 'content-type');
  const [type = '', ...parameters] = (header ?? '').split(';').map((part) => part.trim());
  const isUtf8 = parameters.every((parameter) => /^charset="?utf-?8"?$/i.test(parameter));
  return isUtf8 ? type.toLowerCase() : undefined;
};

/**
 * Returns the media type of the body. Throws `unsupported_media_type` unless it is one of `types`.
 */
export const requireMediaType = (request: Headers, types: readonly string[]): string => {
  const type = mediaType(request);
  if (type !== undefined && types.includes(type)) return type;
  throw new ApiError(
    'unsupported_media_type',
    `the Content-Type must be ${types.join(' or ')}, with no charset but UTF-8`,
  );
};

const refuseCodings = (request: Headers): void => {
  const codings = headerValues(request, 'content-encoding').join(',').split(',');
  if (codings.every((coding) => /^(identity)?$/i.test(coding.trim()))) return;
  throw new ApiError('unsupported_media_type', 'the body must be sent without a Content-Encoding');
};

/**
 * The body as text, and its media type. Checks the size first (`too_large`), then Content-Encoding
 * and media type (`unsupported_media_type`), then UTF-8 (`invalid_request`).
 */
export const bodyOf = (request: HttpRequest, types: readonly string[]): Body => {
  const { body: bytes } = request;
  if (bytes.length > limits.bodyBytesMax) {
    const sentence = `the body has ${bytes.length} bytes, and the limit is ${limits.bodyBytesMax}: split it`;
    throw new ApiError('too_large', sentence, { properties: { limit: limits.bodyBytesMax } });
  }
  refuseCodings(request);
  const type = requireMediaType(request, types);
  const text = decodeUtf8(bytes);
  if (text === undefined) throw invalid('body', 'the body is not valid UTF-8');
  return { text, type };
};
