/**
 * SHA-256 and its HMAC for the signer of the AWS clients, by Node's own functions. The clients' implementation passes
 * keys as bytes, which costs Node 24 an internal exception each, and creates an object for each hash.
 */
import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';
import type { Checksum, ChecksumConstructor, SourceData } from '@smithy/types';

const toBytes = (data: SourceData): Uint8Array => {
  if (typeof data === 'string') return Buffer.from(data, 'utf8');
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  return new Uint8Array(data);
};

/** Caches the two keys that every call needs: the secret of the access key, and the signing key of the day. */
let lastText: { readonly secret: string; readonly key: KeyObject } | undefined;
const keys = new WeakMap<object, KeyObject>();

const keyOf = (secret: SourceData): KeyObject => {
  if (typeof secret === 'string') {
    if (lastText?.secret !== secret) lastText = { secret, key: createSecretKey(toBytes(secret)) };
    return lastText.key;
  }
  const key = keys.get(secret) ?? createSecretKey(toBytes(secret));
  keys.set(secret, key);
  return key;
};

/** The clients call this with `new`. With a secret it computes the HMAC with that secret. */
function Sha256Of(secret?: SourceData): Checksum {
  let parts: Uint8Array[] = [];
  return {
    update: (data) => void parts.push(toBytes(data)),
    digest: async () => {
      const data = Buffer.concat(parts);
      return secret === undefined
        ? hash('sha256', data, 'buffer')
        : createHmac('sha256', keyOf(secret)).update(data).digest();
    },
    reset: () => {
      parts = [];
    },
  };
}

export const Sha256 = Sha256Of as unknown as ChecksumConstructor;
