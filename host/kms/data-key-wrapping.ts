/**
 * How a master key in a file wraps data keys. A wrapped key of layout 1 consists of
 *
 *     1 byte    0x01, the version of this layout
 *    16 bytes   the master key's id (a UUID), which tells a damaged blob from one of another key
 *    12 bytes   iv, random
 *     n bytes   AES-256-GCM ciphertext of the data key
 *    16 bytes   tag
 *
 * The additional data is the first 17 bytes and the encryption context: the name and value of each
 * entry, sorted by name. Each text is UTF-8 after its length (big-endian uint32), so two different
 * contexts never have the same bytes.
 */

import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto';
import { encodeTexts } from '../../functions/crypto/text-list.ts';

const layout = 0x01;
const headerBytes = 17;
const ivBytes = 12;
const tagBytes = 16;

export type EncryptionContext = ReadonlyMap<string, string>;

const additionalData = (header: Buffer, context: EncryptionContext): Buffer =>
  encodeTexts([...context].sort(([a], [b]) => (a < b ? -1 : 1)).flat(), header);

const headerOf = (keyId: string): Buffer =>
  Buffer.concat([Buffer.of(layout), Buffer.from(keyId.replaceAll('-', ''), 'hex')]);

export const wrap = (
  key: { readonly keyId: string; readonly secret: KeyObject },
  dataKey: Uint8Array,
  context: EncryptionContext,
): Buffer => {
  const header = headerOf(key.keyId);
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', key.secret, iv);
  cipher.setAAD(additionalData(header, context));
  const ciphertext = Buffer.concat([cipher.update(dataKey), cipher.final()]);
  return Buffer.concat([header, iv, ciphertext, cipher.getAuthTag()]);
};

/**
 * The unwrapped key, or the reason for the failure. Like KMS, it tells callers nothing more
 * specific.
 */
export type UnwrapResult =
  | { readonly dataKey: Buffer }
  | { readonly fault: 'invalid' | 'other-master-key' };

/**
 * Unwraps a blob that `wrap` made. A changed bit, a different context or a different master key is
 * reported as a fault.
 */
export const unwrap = (
  key: { readonly keyId: string; readonly secret: KeyObject },
  blob: Buffer,
  context: EncryptionContext,
): UnwrapResult => {
  const hasLayout = blob.length > headerBytes + ivBytes + tagBytes && blob[0] === layout;
  if (!hasLayout) return { fault: 'invalid' };
  const header = blob.subarray(0, headerBytes);
  if (!header.equals(headerOf(key.keyId))) return { fault: 'other-master-key' };
  const iv = blob.subarray(headerBytes, headerBytes + ivBytes);
  const decipher = createDecipheriv('aes-256-gcm', key.secret, iv, {
    authTagLength: tagBytes,
  });
  decipher.setAAD(additionalData(header, context));
  decipher.setAuthTag(blob.subarray(-tagBytes));
  try {
    const ciphertext = blob.subarray(headerBytes + ivBytes, -tagBytes);
    return { dataKey: Buffer.concat([decipher.update(ciphertext), decipher.final()]) };
  } catch {
    return { fault: 'invalid' };
  }
};
