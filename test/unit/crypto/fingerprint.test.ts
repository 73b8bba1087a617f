import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { fingerprint, sameDigest, tagOfParts } from '../../../functions/crypto/fingerprint.ts';

const key = '3f0c1b0e-5d0b-4a39-9a54-0d6e8f0e2c11';
const owner = { tenant: 'acme', subject: 'alice' };
const content = ['create-secret', 'DB_PASSWORD', Buffer.from('hunter2')];
const first = fingerprint(key, owner, content);

describe('the fingerprint of a keyed request', () => {
  it('stays the same for the same request', () => {
    expect(fingerprint(key, { ...owner }, [...content])).toEqual(first);
    expect(first.hash).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(first.digest).toHaveLength(32);
  });

  it('treats a text and its bytes as the same content', () => {
    const asText = fingerprint(key, owner, ['create-secret', 'DB_PASSWORD', 'hunter2']);
    expect(sameDigest(asText.digest, first.digest)).toBe(true);
  });

  it.each<[string, readonly (string | Uint8Array | undefined)[]]>([
    ['operation', ['update-secret', 'DB_PASSWORD', 'hunter2']],
    ['name', ['create-secret', 'DB_PASSWORE', 'hunter2']],
    ['value', ['create-secret', 'DB_PASSWORD', 'hunter3']],
    ['border between two fields', ['create-secret', 'DB_PASSWORDh', 'unter2']],
    ['number of fields', ['create-secret', 'DB_PASSWORD', 'hunter2', '']],
    ['field that is absent', ['create-secret', 'DB_PASSWORD', undefined]],
    ['field that is empty', ['create-secret', 'DB_PASSWORD', '']],
    ['order of fields', ['DB_PASSWORD', 'create-secret', 'hunter2']],
  ])('keeps the hash and changes the digest for another %s', (_, other) => {
    const second = fingerprint(key, owner, other);
    expect(second.hash).toBe(first.hash);
    expect(sameDigest(second.digest, first.digest)).toBe(false);
  });

  it('distinguishes an absent field from an empty one in every position', () => {
    const lists = [[], [undefined], [''], [undefined, ''], ['', undefined], [undefined, undefined]];
    const digests = lists.map((list) => Buffer.from(fingerprint(key, owner, list).digest));
    expect(new Set(digests.map((digest) => digest.toString('hex'))).size).toBe(lists.length);
  });

  it.each([
    ['tenant', key, { ...owner, tenant: 'acmf' }],
    ['subject', key, { ...owner, subject: 'bob' }],
    ['border of tenant and subject', key, { tenant: 'acmea', subject: 'lice' }],
    ['key', `${key}0`, owner],
  ])('changes the hash and the digest for another %s', (_, otherKey, otherOwner) => {
    const second = fingerprint(otherKey, otherOwner, content);
    expect(second.hash).not.toBe(first.hash);
    expect(sameDigest(second.digest, first.digest)).toBe(false);
  });

  it('reveals neither the key nor a guessable digest to a reader of the table', () => {
    const stored = [first.hash, Buffer.from(first.digest).toString('base64url')];
    for (const part of stored) expect(part).not.toContain(key);
    const frames = content.flatMap((field) => {
      const bytes = Buffer.from(field);
      const head = Buffer.alloc(5, 1);
      head.writeUInt32BE(bytes.length, 1);
      return [head, bytes];
    });
    const message = Buffer.concat(frames);
    // An attacker who reads the table has the hash in both spellings, and guesses the content.
    const guesses = [
      createHash('sha256').update(message).digest(),
      ...[first.hash, Buffer.from(first.hash, 'base64url'), '', owner.tenant, owner.subject].map(
        (known) => createHmac('sha256', known).update(message).digest(),
      ),
    ];
    for (const guess of guesses) expect(sameDigest(guess, first.digest)).toBe(false);
  });
});

describe('sameDigest', () => {
  it('returns false for another length', () => {
    expect(sameDigest(first.digest, first.digest.subarray(1))).toBe(false);
    expect(sameDigest(new Uint8Array(0), first.digest)).toBe(false);
  });
});

describe('the tag of an answer', () => {
  it('differs for every other list of parts, in 43 characters', () => {
    const lists = [['a', 'b'], ['ab', ''], ['', 'ab'], ['ab'], ['a', 'b', ''], ['b', 'a'], []];
    const tags = lists.map(tagOfParts);
    expect(new Set(tags).size).toBe(lists.length);
    for (const each of tags) expect(each).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(tagOfParts(['a', 'b'])).toBe(tags[0]);
  });
});
