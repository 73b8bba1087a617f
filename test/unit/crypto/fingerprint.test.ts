import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  anchorOf,
  fingerprint,
  sameBytes,
  tagOfParts,
} from '../../../functions/crypto/fingerprint.ts';

const key = '3f0c1b0e-5d0b-4a39-9a54-0d6e8f0e2c11';
const owner = { tenant: 'acme', subject: 'alice' };
const content = ['create-secret', 'DB_PASSWORD', Buffer.from('hunter2')];
const first = fingerprint(key, owner, content);

describe('the fingerprint of a keyed request', () => {
  it('stays the same for the same request', () => {
    expect(fingerprint(key, { ...owner }, [...content])).toEqual(first);
    expect(first.keyHash).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(first.contentHash).toHaveLength(32);
  });

  it('is the same for a text and for its bytes', () => {
    const asText = fingerprint(key, owner, ['create-secret', 'DB_PASSWORD', 'hunter2']);
    expect(sameBytes(asText.contentHash, first.contentHash)).toBe(true);
  });

  it.each<[string, readonly (string | Uint8Array | undefined)[]]>([
    ['the operation', ['update-secret', 'DB_PASSWORD', 'hunter2']],
    ['the name', ['create-secret', 'DB_PASSWORE', 'hunter2']],
    ['the value', ['create-secret', 'DB_PASSWORD', 'hunter3']],
    ['the border between two fields', ['create-secret', 'DB_PASSWORDh', 'unter2']],
    ['the number of fields', ['create-secret', 'DB_PASSWORD', 'hunter2', '']],
    ['the value to an absent one', ['create-secret', 'DB_PASSWORD', undefined]],
    ['the value to an empty one', ['create-secret', 'DB_PASSWORD', '']],
    ['the order of fields', ['DB_PASSWORD', 'create-secret', 'hunter2']],
  ])('has the same key hash but another content hash after a change of %s', (_, other) => {
    const second = fingerprint(key, owner, other);
    expect(second.keyHash).toBe(first.keyHash);
    expect(sameBytes(second.contentHash, first.contentHash)).toBe(false);
  });

  it('distinguishes an absent field from an empty one in every position', () => {
    const lists = [[], [undefined], [''], [undefined, ''], ['', undefined], [undefined, undefined]];
    const hashes = lists.map((list) => Buffer.from(fingerprint(key, owner, list).contentHash));
    expect(new Set(hashes.map((hash) => hash.toString('hex'))).size).toBe(lists.length);
  });

  it.each([
    ['tenant', key, { ...owner, tenant: 'acmf' }],
    ['subject', key, { ...owner, subject: 'bob' }],
    ['border of tenant and subject', key, { tenant: 'acmea', subject: 'lice' }],
    ['key', `${key}0`, owner],
  ])('has another key hash and another content hash for another %s', (_, otherKey, otherOwner) => {
    const second = fingerprint(otherKey, otherOwner, content);
    expect(second.keyHash).not.toBe(first.keyHash);
    expect(sameBytes(second.contentHash, first.contentHash)).toBe(false);
  });

  it('contains neither the key nor a hash that a reader of the table could compute from a guessed content', () => {
    const stored = [first.keyHash, Buffer.from(first.contentHash).toString('base64url')];
    for (const part of stored) expect(part).not.toContain(key);
    const frames = content.flatMap((field) => {
      const bytes = Buffer.from(field);
      const head = Buffer.alloc(5, 1);
      head.writeUInt32BE(bytes.length, 1);
      return [head, bytes];
    });
    const message = Buffer.concat(frames);
    // An attacker who can read the table sees the hash as bytes and as text, and guesses the
    // content.
    const guesses = [
      createHash('sha256').update(message).digest(),
      ...[
        first.keyHash,
        Buffer.from(first.keyHash, 'base64url'),
        '',
        owner.tenant,
        owner.subject,
      ].map((known) => createHmac('sha256', known).update(message).digest()),
    ];
    for (const guess of guesses) expect(sameBytes(guess, first.contentHash)).toBe(false);
  });
});

describe('sameBytes', () => {
  it('returns false for different lengths', () => {
    expect(sameBytes(first.contentHash, first.contentHash.subarray(1))).toBe(false);
    expect(sameBytes(new Uint8Array(0), first.contentHash)).toBe(false);
  });
});

describe('the tag of an answer', () => {
  it('has 43 characters, and differs between different lists of parts', () => {
    const lists = [['a', 'b'], ['ab', ''], ['', 'ab'], ['ab'], ['a', 'b', ''], ['b', 'a'], []];
    const tags = lists.map(tagOfParts);
    expect(new Set(tags).size).toBe(lists.length);
    for (const each of tags) expect(each).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(tagOfParts(['a', 'b'])).toBe(tags[0]);
  });
});

describe('the anchor of a version', () => {
  const version = { name: 'DB_PASSWORD', version: 5, writeId: 'AAECAwQFBgcICQoLDA0ODw' };

  it('is the same in every release, because files contain it in pins', () => {
    expect(anchorOf(version)).toBe('JuXff6aM');
  });

  it('is different for another name, number or write', () => {
    const others = [{ name: 'DB_HOST' }, { version: 6 }, { writeId: 'BAECAwQFBgcICQoLDA0ODw' }];
    const anchors = [{}, ...others].map((other) => anchorOf({ ...version, ...other }));
    expect(new Set(anchors).size).toBe(4);
  });
});
