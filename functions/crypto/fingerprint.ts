/**
 * What the vault keeps of an idempotency key: a place to find its record and a keyed digest of the
 * request, both derived from the caller's random key. The raw key is never stored or logged, and a
 * reader of the table cannot test guesses of a value against the digest without it.
 */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

export type Fingerprint = {
  /** Where the record lies: 43 characters, base64url. */
  readonly hash: string;
  /** HMAC-SHA-256 over the request's content, 32 bytes. */
  readonly digest: Uint8Array;
};

/**
 * `content` is the parsed request, field by field, in a fixed order (value bytes, not their
 * spelling); a field that is absent must be given as `undefined`, which differs from empty.
 */
export const fingerprint = (
  idempotencyKey: string,
  owner: { readonly tenant: string; readonly subject: string },
  content: readonly (string | Uint8Array | undefined)[],
): Fingerprint => {
  const salt = frame([owner.tenant, owner.subject]);
  const derived = (info: string) =>
    Buffer.from(hkdfSync('sha256', idempotencyKey, salt, `idempotency ${info}`, 32));
  return {
    hash: derived('record').toString('base64url'),
    digest: createHmac('sha256', derived('digest')).update(frame(content)).digest(),
  };
};

export const sameDigest = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && timingSafeEqual(a, b);

/** Each field after a mark for absent or its length, so that no two lists share an encoding. */
const frame = (fields: readonly (string | Uint8Array | undefined)[]): Uint8Array =>
  Buffer.concat(
    fields.flatMap((field) => {
      if (field === undefined) return [Buffer.from([0])];
      const bytes = Buffer.from(field as string);
      const head = Buffer.alloc(5, 1);
      head.writeUInt32BE(bytes.length, 1);
      return [head, bytes];
    }),
  );
