/**
 * A request, read once from the event of API Gateway, and its parts. Hosts differ: header names come in any
 * case, bodies come as text or base64, repeated parameters come as lists. A part is decoded once.
 */
import type { APIGatewayProxyEvent } from 'aws-lambda';
import { type Fingerprint, fingerprint } from '../crypto/fingerprint.ts';
import { VaultError } from '../model/errors.ts';
import { limits, times } from '../model/limits.ts';
import {
  decodeUtf8,
  isSecretName,
  isVersionNumber,
  isVersionTag,
  type Principal,
  parseAskedInstant,
} from '../model/types.ts';

export type Event = APIGatewayProxyEvent;

export type HttpRequest = {
  /** The id that the gateway gave to the request, which is another one than that of the function. */
  readonly gatewayRequestId: string | undefined;
  readonly path: string;
  /** The parameters of the path, as they were sent; empty if the path has none. */
  readonly name: string;
  readonly version: string;
  readonly query: Parts;
  /** Headers with all their values, and with one value each, which count for names that the first lack. */
  readonly headers: readonly [listed: Parts, single: Parts];
  readonly body: { readonly text: string; readonly isBase64: boolean };
};
type Parts = readonly (readonly [name: string, values: readonly string[]])[];

/** A request that the endpoint has checked, before its route parses the rest. */
export type ReceivedRequest = Omit<HttpRequest, 'body'> & {
  readonly principal: Principal;
  /** Empty if the route takes no body. */
  readonly body: Body;
  readonly now: number;
};
export type Body = { readonly text: string; readonly type: string };

/** Reads the event. Refuses nothing. */
export const readRequest = (event: Event): HttpRequest => {
  const query = partsOf(event.multiValueQueryStringParameters);
  return {
    gatewayRequestId: event.requestContext?.requestId,
    path: event.path,
    name: event.pathParameters?.['name'] ?? '',
    version: event.pathParameters?.['version'] ?? '',
    query: query.length > 0 ? query : partsOf(event.queryStringParameters),
    headers: [partsOf(event.multiValueHeaders), partsOf(event.headers)],
    body: { text: event.body ?? '', isBase64: event.isBase64Encoded },
  };
};

const partsOf = (parts: Event['headers'] | Event['multiValueHeaders'] | null): Parts =>
  Object.entries(parts ?? {}).map(([name, values = []]) => [
    name,
    typeof values === 'string' ? [values] : values,
  ]);

/** The error for a malformed part of a request. The sentence must not quote its content. */
export const invalid = (field: string, sentence: string): VaultError =>
  new VaultError('invalid_request', sentence, { properties: { field } });

type Headers = Pick<HttpRequest, 'headers'>;

/** All values of a header. `name` is in lower case, and the case of the header's name does not matter. */
export const headerValues = ({ headers }: Headers, name: string): readonly string[] => {
  const [listed, single] = headers.map((parts) =>
    parts.flatMap(([key, values]) => (key.toLowerCase() === name ? values : [])),
  );
  return (listed?.length ? listed : single) ?? [];
};

/** The value of a header that may occur once. Throws `invalid_request` with its name if it is repeated. */
export const headerValue = (request: Headers, name: string): string | undefined => {
  const [value, ...others] = headerValues(request, name);
  if (others.length > 0) throw invalid(name, 'the header may occur only once');
  return value;
};

/** The token may be malformed. */
export const bearsToken = (request: Headers): boolean =>
  headerValues(request, 'authorization').some((value) => /^Bearer( |$)/i.test(value));

/** The key may be malformed. */
export const hasIdempotencyKey = (request: Headers): boolean =>
  headerValues(request, 'idempotency-key').length > 0;

/** The query parameters. Throws `invalid_request` unless each is one of `allowed` and occurs once. */
export const queryOf = (
  { query }: Pick<HttpRequest, 'query'>,
  allowed: readonly string[],
): ReadonlyMap<string, string> =>
  new Map(
    query.map(([name, [value = '', ...others]]) => {
      if (!allowed.includes(name)) {
        throw invalid('query', `known parameters: ${allowed.join(', ') || 'none'}`);
      }
      if (others.length > 0) throw invalid(name, 'the parameter may occur only once');
      return [name, value];
    }),
  );

/** The value of a parameter that has few values. Throws `invalid_request` for any other value. */
export const choiceOf = <Choice extends string>(
  query: ReadonlyMap<string, string>,
  name: string,
  choices: readonly Choice[],
): Choice | undefined => {
  const text = query.get(name);
  const chosen = choices.find((choice) => choice === text);
  if (text !== undefined && chosen === undefined) {
    throw invalid(name, `must be ${choices.join(' or ')}`);
  }
  return chosen;
};

/** The secret's name in the path. Throws `invalid_request` if it is no secret name; it is not decoded. */
export const pathName = ({ name }: Pick<HttpRequest, 'name'>): string => {
  if (!isSecretName(name)) throw invalid('name', 'the path holds no secret name');
  return name;
};

/** Throws `invalid_request` if the text is no version number. */
export const versionOf = (text: string): number => {
  if (!isVersionNumber(text)) throw invalid('version', 'is no version number');
  return Number(text);
};

/** The instant whose state is to be read. Throws `invalid_request` for an instant far ahead of `now`. */
export const instantOf = (text: string, now: number): number => {
  const instant = parseAskedInstant(text);
  if (instant === undefined) throw invalid('at', 'must be RFC 3339 with Z, to the millisecond');
  if (instant > now + times.atAheadMs) throw invalid('at', 'lies in the future');
  return instant;
};

/**
 * The relative URL of a secret, in a reply to `/v1/secrets`: relative, because a function does not know its
 * stage. A request with a trailing slash reaches the same function, but needs a shorter reference.
 */
export const referenceTo = (name: string, { path }: Pick<HttpRequest, 'path'>): string =>
  path.endsWith('/') ? name : `secrets/${name}`;

const entityTags =
  /^\s*(?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*"\s*(?:,\s*(?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*"\s*)*$/;
const idempotencyKey = /^[\x21-\x7e]+$/;

/** The `If-Match` header: `*`, or versions. A weak tag, or a tag that is no version, matches nothing. */
export const ifMatchOf = (request: Headers): '*' | readonly string[] | undefined =>
  tagsOf(request, 'if-match', false);

/** The `If-None-Match` header: `*`, or versions. A weak tag matches like a strong one (RFC 9110, 13.1.2). */
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
  if (!entityTags.test(text)) throw invalid(header, 'is no list of entity-tags');
  return [...text.matchAll(/(W\/)?"([^"]*)"/g)].flatMap(([, weak, tag = '']) =>
    (acceptsWeak || weak === undefined) && isVersionTag(tag) ? [tag] : [],
  );
};

/** Throws `invalid_request` for a precondition that has no meaning here, so that no caller relies on it. */
export const refuseHeader = (request: Headers, name: string, sentence: string): void => {
  if (headerValues(request, name).length > 0) throw invalid(name, sentence);
};

/** The fingerprint of a keyed request. `content` is everything that a repetition must share. */
export const fingerprintOf = (
  request: Headers & { readonly principal: Principal },
  content: readonly (string | Uint8Array | undefined)[],
): Fingerprint | undefined => {
  const key = idempotencyKeyOf(request);
  return key === undefined ? undefined : fingerprint(key, request.principal, content);
};

/** A part of a request that counts in its fingerprint only if the caller gave it. */
export const given = (part: string | undefined): string[] => (part === undefined ? [] : [part]);

const idempotencyKeyOf = (request: Headers): string | undefined => {
  const key = headerValue(request, 'idempotency-key');
  if (key === undefined) return undefined;
  const { idempotencyKeyCharactersMin: min, idempotencyKeyCharactersMax: max } = limits;
  if (key.length < min || key.length > max || !idempotencyKey.test(key)) {
    throw invalid('idempotency-key', `must be ${min} to ${max} visible ASCII characters`);
  }
  return key;
};

/** The media type of the body in lower case, without parameters; `undefined` for any parameter but UTF-8. */
export const mediaType = (request: Headers): string | undefined => {
  const header = headerValue(request, 'content-type');
  const [type = '', ...parameters] = (header ?? '').split(';').map((part) => part.trim());
  const isUtf8 = parameters.every((parameter) => /^charset="?utf-?8"?$/i.test(parameter));
  return isUtf8 ? type.toLowerCase() : undefined;
};

/** Returns the declared type of the body. Throws `unsupported_media_type` unless it is one of `types`. */
export const requireMediaType = (request: Headers, types: readonly string[]): string => {
  const type = mediaType(request);
  if (type !== undefined && types.includes(type)) return type;
  throw new VaultError('unsupported_media_type', `the body must be ${types.join(' or ')}, UTF-8`);
};

/** Throws `unsupported_media_type` for a compressed body: the vault reads bodies only as they were sent. */
const refuseCodings = (request: Headers): void => {
  const codings = headerValues(request, 'content-encoding').join(',').split(',');
  if (codings.every((coding) => /^(identity)?$/i.test(coding.trim()))) return;
  throw new VaultError('unsupported_media_type', 'the body must have no Content-Encoding');
};

/** The body as text, and its media type. Checks first the size, then coding and type, then UTF-8. */
export const bodyOf = (request: HttpRequest, types: readonly string[]): Body => {
  const { text: sent, isBase64 } = request.body;
  const bytes = Buffer.from(sent, isBase64 ? 'base64' : 'utf8');
  if (bytes.length > limits.bodyBytesMax) {
    throw new VaultError('too_large', 'the body is too large', {
      properties: { limit: limits.bodyBytesMax },
    });
  }
  refuseCodings(request);
  const type = requireMediaType(request, types);
  const text = decodeUtf8(bytes);
  if (text === undefined) throw invalid('body', 'is not UTF-8');
  return { text, type };
};
