/** Secret values in requests and replies. A value is opaque bytes, in JSON as UTF-8 text or base64. */
import { optional, picklist, string } from 'valibot';
import { VaultError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { isSecretName } from '../model/types.ts';
import { invalid } from './requests.ts';

export const valueMembers = {
  value: string(),
  encoding: optional(picklist(['utf8', 'base64'])),
};

export const requireName = (name: string): void => {
  if (!isSecretName(name)) throw invalid('name', 'is no secret name');
};

/** The bytes of a value in a request. Throws `invalid_request` or `too_large`. */
export const decodeValue = (body: {
  readonly value: string;
  readonly encoding?: 'utf8' | 'base64' | undefined;
}): Uint8Array => {
  const bytes = Buffer.from(body.value, body.encoding ?? 'utf8');
  if (body.encoding === 'base64' && bytes.toString('base64') !== body.value) {
    throw invalid('value', 'is not canonical base64 with padding (RFC 4648)');
  }
  if (bytes.length > limits.valueBytesMax) {
    throw new VaultError('too_large', 'the value is too large', {
      members: { limit: limits.valueBytesMax },
    });
  }
  return bytes;
};

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
