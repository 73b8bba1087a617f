/**
 * SHA-256 and its HMAC for the signer of the AWS clients, by Node. The clients' own does the same with keys as bytes, which cost Node 24
 * an internal exception each, and several times what a key object does.
 */
import { createHash, createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { Checksum, ChecksumConstructor, SourceData } from '@smithy/types';

const toBytes = (data: SourceData): Uint8Array => {
  if (typeof data === 'string') return Buffer.from(data, 'utf8');
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  return new Uint8Array(data);
};

/** The signer keeps the key of a day: so is its object, for as long as those bytes are. */
const kept = new WeakMap<object, KeyObject>();

const keyOf = (secret: SourceData): KeyObject => {
  if (typeof secret === 'string') return createSecretKey(secret, 'utf8');
  const known = kept.get(secret);
  if (known !== undefined) return known;
  const made = createSecretKey(toBytes(secret));
  kept.set(secret, made);
  return made;
};

/** To be called with `new`, as the clients do; with a secret it is the HMAC under it. */
function Sha256Of(secret?: SourceData): Checksum {
  const begin = () =>
    secret === undefined ? createHash('sha256') : createHmac('sha256', keyOf(secret));
  let hash = begin();
  return {
    update: (data) => void hash.update(toBytes(data)),
    digest: async () => hash.digest(),
    reset: () => {
      hash = begin();
    },
  };
}

export const Sha256 = Sha256Of as unknown as ChecksumConstructor;
