/**
 * Sealing one version of a secret (docs/design/envelope.md).
 *
 * AES-256-GCM under a key derived from a single-use data key. Every identifying field of the
 * version is authenticated (AAD), so a record moved to another tenant, name or version does not
 * open. GCM alone lets one ciphertext open under two keys, so a commitment to key and identity is
 * stored and compared before anything is decrypted.
 *
 * Trusts its caller for one thing: a data key must be fresh from the master key for this request.
 */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hash,
  hkdfSync,
  randomBytes,
} from 'node:crypto';
import { ApiError } from '../model/errors.ts';
import { formatInstant, type Identity, type SealedValue } from '../model/types.ts';
import { sameBytes } from './fingerprint.ts';
import { encodeTexts } from './text-list.ts';

/** The format of sealed versions and of their AAD. */
export const format = 'v2';
const cipherName = 'aes-256-gcm';
export const dataKeyBytes = 32;
export const ivBytes = 12;
export const tagBytes = 16;
export const commitmentBytes = 32;

/**
 * Seals `value` under `dataKey` (32 bytes) for exactly this `identity`. Every call draws a fresh
 * iv, so a retry never repeats one. `drawIv` is a parameter only for frozen test vectors and for
 * simulation.
 */
export const seal = (
  value: Uint8Array,
  dataKey: Uint8Array,
  identity: Identity,
  drawIv: () => Uint8Array = () => randomBytes(ivBytes),
): SealedValue => {
  const aad = encodeIdentity(identity);
  const { encryptionKey, commitment } = derive(dataKey, aad);
  try {
    const iv = drawIv();
    const key = createSecretKey(encryptionKey);
    const cipher = createCipheriv(cipherName, key, iv, { authTagLength: tagBytes });
    cipher.setAAD(aad);
    const ciphertext = Buffer.concat([cipher.update(value), cipher.final(), cipher.getAuthTag()]);
    return { iv, ciphertext, commitment };
  } finally {
    encryptionKey.fill(0);
  }
};

/**
 * Opens what `seal` produced for the same identity and data key. Throws `integrity_failure` for
 * anything else, and never returns partial bytes.
 */
export const open = (sealed: SealedValue, dataKey: Uint8Array, identity: Identity): Uint8Array => {
  const { iv, ciphertext } = sealed;
  if (iv.length !== ivBytes || ciphertext.length < tagBytes) throw refused();
  const aad = encodeIdentity(identity);
  const { encryptionKey, commitment } = derive(dataKey, aad);
  try {
    if (!sameBytes(commitment, sealed.commitment)) throw refused();
    const key = createSecretKey(encryptionKey);
    const decipher = createDecipheriv(cipherName, key, iv, { authTagLength: tagBytes });
    decipher.setAAD(aad);
    decipher.setAuthTag(ciphertext.subarray(-tagBytes));
    return Buffer.concat([decipher.update(ciphertext.subarray(0, -tagBytes)), decipher.final()]);
  } catch (error) {
    throw error instanceof ApiError ? error : refused(error);
  } finally {
    encryptionKey.fill(0);
  }
};

/**
 * The AAD: for each field its length as a big-endian uint32, then its stored text in UTF-8. A
 * missing note is encoded as an empty text; a note is never empty.
 */
export const encodeIdentity = (identity: Identity): Uint8Array =>
  encodeTexts([
    format,
    identity.vault,
    identity.tenant,
    identity.name,
    String(identity.version),
    formatInstant(identity.validFrom),
    identity.createdBy,
    identity.writeId,
    identity.masterKeyId,
    identity.note ?? '',
  ]);

/**
 * HKDF-SHA-256 (RFC 5869) of the data key, with an empty salt, info = SHA-256(AAD) and L = 64. The
 * first 32 bytes are the encryption key, the others the commitment. `hkdfSync` gets the data key as
 * a key object, because with bytes Node 24 takes three times as long.
 */
const derive = (dataKey: Uint8Array, aad: Uint8Array) => {
  if (dataKey.length !== dataKeyBytes) throw new ApiError('internal', 'a data key has 32 bytes');
  const info = hash('sha256', aad, 'buffer');
  const key = createSecretKey(dataKey);
  const output = Buffer.from(hkdfSync('sha256', key, new Uint8Array(0), info, 64));
  return { encryptionKey: output.subarray(0, 32), commitment: output.subarray(32) };
};

const refused = (cause?: unknown): ApiError =>
  new ApiError('integrity_failure', 'the stored record does not open', { cause });
