/**
 * What a request holds, taken from an API Gateway event. Hosts differ: header names come in any case,
 * bodies as text or base64, repeated parameters as lists. Nothing here is decoded twice.
 */
import type { APIGatewayProxyEvent } from 'aws-lambda';
import { VaultError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { isSecretName } from '../model/names.ts';

export type Event = APIGatewayProxyEvent;

/** A malformed part of a request, named by `field`; the sentence must hold nothing of its content. */
export const invalid = (field: string, sentence: string): VaultError =>
  new VaultError('invalid_request', sentence, { members: { field } });

/** All values of a header, whatever the case of its name. */
export const headerValues = (event: Event, name: string): readonly string[] => {
  const values = (headers: object | null): string[] =>
    Object.entries(headers ?? {}).flatMap(([key, value]) =>
      key.toLowerCase() === name && value !== undefined ? [value].flat() : [],
    );
  const listed = values(event.multiValueHeaders);
  return listed.length > 0 ? listed : values(event.headers);
};

/** A header that may stand once. Throws `invalid_request` naming it if it is repeated. */
export const headerValue = (event: Event, name: string): string | undefined => {
  const [value, ...others] = headerValues(event, name);
  if (others.length > 0) throw invalid(name, 'the header may stand only once');
  return value;
};

/** The query parameters, of which each must be one of `allowed` and stand once. */
export const queryOf = (event: Event, allowed: readonly string[]): ReadonlyMap<string, string> => {
  const query = new Map<string, string>();
  const listed = Object.entries(event.multiValueQueryStringParameters ?? {});
  const single = Object.entries(event.queryStringParameters ?? {});
  for (const [name, values] of listed.length > 0 ? listed : single) {
    if (!allowed.includes(name)) throw invalid('query', `known parameters: ${list(allowed)}`);
    const [value, ...others] = [values ?? ''].flat();
    if (others.length > 0) throw invalid(name, 'the parameter may stand only once');
    query.set(name, value ?? '');
  }
  return query;
};

const list = (names: readonly string[]): string => (names.length > 0 ? names.join(', ') : 'none');

/** The secret's name in the path, as the host handed it over. */
export const pathName = (event: Event): string => {
  const name = event.pathParameters?.['name'] ?? '';
  if (!isSecretName(name)) throw invalid('name', 'the path holds no secret name');
  return name;
};

/** The body's bytes. Throws `too_large` before anything of it is looked at. */
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

/** Decodes UTF-8 exactly, keeping a BOM. Throws `invalid_request` naming `field`. */
export const decodeUtf8 = (bytes: Uint8Array, field: string): string => {
  try {
    return exact.decode(bytes);
  } catch {
    throw invalid(field, 'is not UTF-8');
  }
};

const exact = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The media type of the body, lower case, without parameters; only a charset of UTF-8 may stand. */
export const mediaType = (event: Event): string | undefined => {
  const header = headerValue(event, 'content-type');
  const [type = '', ...parameters] = (header ?? '').split(';').map((part) => part.trim());
  const isUtf8 = parameters.every((parameter) => /^charset="?utf-?8"?$/i.test(parameter));
  return isUtf8 ? type.toLowerCase() : undefined;
};

/** Throws `unsupported_media_type` unless the body is declared as one of `types`; answers which. */
export const requireMediaType = (event: Event, types: readonly string[]): string => {
  const type = mediaType(event);
  if (type !== undefined && types.includes(type)) return type;
  throw new VaultError('unsupported_media_type', `the body must be ${types.join(' or ')}, UTF-8`);
};

/** The vault takes the bytes of a body as they were sent. Throws `unsupported_media_type` if they are compressed. */
const refuseCodings = (event: Event): void => {
  const codings = headerValues(event, 'content-encoding').join(',').split(',');
  if (codings.every((coding) => /^(identity)?$/i.test(coding.trim()))) return;
  throw new VaultError('unsupported_media_type', 'the body must have no Content-Encoding');
};

export type Body = { readonly text: string; readonly type: string };

/** The body as text and its media type. Throws for its size, then its coding and type, then what is no UTF-8. */
export const bodyOf = (event: Event, types: readonly string[]): Body => {
  const bytes = bodyBytes(event);
  refuseCodings(event);
  const type = requireMediaType(event, types);
  return { text: decodeUtf8(bytes, 'body'), type };
};

/**
 * The reference by which a reply to `/v1/secrets` names a secret. It is relative, because a function does not know
 * its stage. A trailing slash reaches the same function, and from there the reference is another.
 */
export const referenceTo = (name: string, { path }: Event): string =>
  path.endsWith('/') ? name : `secrets/${name}`;
