/**
 * The vault keeps two hashes of a keyed request: one of its key, which finds the record, and a keyed one of
 * its content. Both are derived from the caller's random key, which is never stored or logged. Without that
 * key a reader of the table cannot test guesses of a value against the hash of the content.
 */
import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { AnchoredRef, WriteRef } from '../model/types.ts';

export const contentHashBytes = 32;

export type Fingerprint = {
  /** The part of the record's key that identifies it: 43 characters, base64url. */
  readonly keyHash: string;
  /** HMAC-SHA-256 over the request's content, 32 bytes. */
  readonly contentHash: Uint8Array;
};

/**
 * `content` is the parsed request, field by field, in a fixed order. A value is given as its bytes, not as
 * its spelling. An absent field must be given as `undefined`, which differs from an empty one.
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
    keyHash: derived('record').toString('base64url'),
    contentHash: createHmac('sha256', derived('digest')).update(frame(content)).digest(),
  };
};

/** Compares in a time that depends only on the lengths. */
export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && timingSafeEqual(a, b);

/** A hash of `parts`, 43 characters, base64url. Lists that differ have different tags. */
export const tagOfParts = (parts: readonly string[]): string =>
  createHash('sha256').update(frame(parts)).digest('base64url');

/**
 * The anchor of a version: 48 bits, 8 characters of base64url. The number of a version may be given again after a
 * restore, but to another write, whose `writeId` was drawn at random. So the anchor tells nothing of the value.
 */
export const anchorOf = ({ name, version, writeId }: WriteRef): string =>
  tagOfParts([name, String(version), writeId]).slice(0, 8);

export const anchored = ({ name, version, writeId }: WriteRef): AnchoredRef => ({
  ...{ name, version, anchor: anchorOf({ name, version, writeId }) },
});

/** Each field follows its length, or a mark if it is absent, so that no two lists have the same encoding. */
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
