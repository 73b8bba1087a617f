/**
 * The two hashes that the vault keeps of a request with an idempotency key: one of that key, to
 * find the idempotency record when the request is repeated, and a keyed one of the request's
 * content, to notice a different request with the same key. Both are derived from the idempotency
 * key, which is random and is never stored or logged. Without it, somebody who reads the table
 * cannot test guesses of a value against the hash of the content.
 *
 * This file also makes the tags of answers and the anchors of versions, which need no key.
 */
import { createHmac, hash, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { AnchoredRef, WriteRef } from '../model/types.ts';

export const contentHashBytes = 32;

export type Fingerprint = {
  /**
   * The part of the record's key in the store that stands for this idempotency key of this caller:
   * 43 characters of base64url.
   */
  readonly keyHash: string;
  /** HMAC-SHA-256 of the request's content, 32 bytes. */
  readonly contentHash: Uint8Array;
};

/**
 * `content` is the parsed request, field by field in a fixed order. A value is passed as its bytes,
 * whatever its encoding was. An absent field must be passed as `undefined`, which differs from an
 * empty one.
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

/** Compares in time that depends only on the lengths. */
export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && timingSafeEqual(a, b);

/** A hash of `parts`: 43 characters of base64url. Different lists have different tags. */
export const tagOfParts = (parts: readonly string[]): string =>
  hash('sha256', frame(parts), 'base64url');

/**
 * The anchor of a version: 48 bits as 8 characters of base64url. After a restore, a version number
 * may be used again, but by another write. That write has a different random `writeId`, so the
 * anchor tells the two versions apart. It reveals nothing about the value.
 */
export const anchorOf = ({ name, version, writeId }: WriteRef): string =>
  tagOfParts([name, String(version), writeId]).slice(0, 8);

export const anchored = ({ name, version, writeId }: WriteRef): AnchoredRef => ({
  ...{ name, version, anchor: anchorOf({ name, version, writeId }) },
});

/**
 * Writes the length before each field, and a mark for an absent one, so that different lists have
 * different encodings.
 */
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
