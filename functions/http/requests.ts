/**
 * The parts of a request, read from an API Gateway event. Hosts differ: header names come in any case, bodies come
 * as text or base64, repeated parameters come as lists. Nothing here is decoded twice.
 */
import type { APIGatewayProxyEvent } from 'aws-lambda';
import { VaultError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { isSecretName } from '../model/types.ts';

export type Event = APIGatewayProxyEvent;

/** The error for a malformed part of a request, which `field` names. The sentence must not quote its content. */
export const invalid = (field: string, sentence: string): VaultError =>
  new VaultError('invalid_request', sentence, { members: { field } });

/** All values of a header. `name` is in lower case, and the case of the header's name does not matter. */
export const headerValues = (event: Event, name: string): readonly string[] => {
  const values = (headers: object | null): string[] =>
    Object.entries(headers ?? {}).flatMap(([key, value]) =>
      key.toLowerCase() === name && value !== undefined ? [value].flat() : [],
    );
  const listed = values(event.multiValueHeaders);
  return listed.length > 0 ? listed : values(event.headers);
};

/** The value of a header that may occur once. Throws `invalid_request` with its name if it is repeated. */
export const headerValue = (event: Event, name: string): string | undefined => {
  const [value, ...others] = headerValues(event, name);
  if (others.length > 0) throw invalid(name, 'the header may occur only once');
  return value;
};

/** The query parameters. Throws `invalid_request` unless each is one of `allowed` and occurs once. */
export const queryOf = (event: Event, allowed: readonly string[]): ReadonlyMap<string, string> => {
  const query = new Map<string, string>();
  const listed = Object.entries(event.multiValueQueryStringParameters ?? {});
  const single = Object.entries(event.queryStringParameters ?? {});
  for (const [name, values] of listed.length > 0 ? listed : single) {
    if (!allowed.includes(name)) throw invalid('query', `known parameters: ${list(allowed)}`);
    const [value, ...others] = [values ?? ''].flat();
    if (others.length > 0) throw invalid(name, 'the parameter may occur only once');
    query.set(name, value ?? '');
  }
  return query;
};

const list = (names: readonly string[]): string => (names.length > 0 ? names.join(', ') : 'none');

/** The secret's name in the path. Throws `invalid_request` if it is no secret name; it is not decoded. */
export const pathName = (event: Event): string => {
  const name = event.pathParameters?.['name'] ?? '';
  if (!isSecretName(name)) throw invalid('name', 'the path holds no secret name');
  return name;
};

/** The bytes of the body. Throws `too_large` before anything else is checked. */
export const bodyBytes = (event: Event): Uint8Array => {
  const { body, isBase64Encoded } = event;
  const bytes = Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8');
  if (bytes.length > limits.bodyBytesMax) {
    throw new VaultError('too_large', 'the body is too large', {
      members: { limit: limits.bodyBytesMax },
    });
  }
  return bytes;
};

/** Decodes UTF-8 exactly and keeps a BOM. Throws `invalid_request` for `field`. */
export const decodeUtf8 = (bytes: Uint8Array, field: string): string => {
  try {
    return exact.decode(bytes);
  } catch {
    throw invalid(field, 'is not UTF-8');
  }
};

const exact = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The media type of the body, in lower case and without parameters; `undefined` for any parameter but UTF-8. */
export const mediaType = (event: Event): string | undefined => {
  const header = headerValue(event, 'content-type');
  const [type = '', ...parameters] = (header ?? '').split(';').map((part) => part.trim());
  const isUtf8 = parameters.every((parameter) => /^charset="?utf-?8"?$/i.test(parameter));
  return isUtf8 ? type.toLowerCase() : undefined;
};

/** Returns the declared type of the body. Throws `unsupported_media_type` unless it is one of `types`. */
export const requireMediaType = (event: Event, types: readonly string[]): string => {
  const type = mediaType(event);
  if (type !== undefined && types.includes(type)) return type;
  throw new VaultError('unsupported_media_type', `the body must be ${types.join(' or ')}, UTF-8`);
};

/** Throws `unsupported_media_type` for a compressed body: the vault reads bodies only as they were sent. */
const refuseCodings = (event: Event): void => {
  const codings = headerValues(event, 'content-encoding').join(',').split(',');
  if (codings.every((coding) => /^(identity)?$/i.test(coding.trim()))) return;
  throw new VaultError('unsupported_media_type', 'the body must have no Content-Encoding');
};

export type Body = { readonly text: string; readonly type: string };

/** The body as text, and its media type. Throws first for its size, then for its coding and type, then for its UTF-8. */
export const bodyOf = (event: Event, types: readonly string[]): Body => {
  const bytes = bodyBytes(event);
  refuseCodings(event);
  const type = requireMediaType(event, types);
  return { text: decodeUtf8(bytes, 'body'), type };
};

/**
 * The relative URL of a secret, in a reply to `/v1/secrets`. It is relative because a function does not know its
 * stage. A request with a trailing slash reaches the same function, but needs a shorter reference.
 */
export const referenceTo = (name: string, { path }: Event): string =>
  path.endsWith('/') ? name : `secrets/${name}`;
