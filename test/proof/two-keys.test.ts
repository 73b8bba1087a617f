/**
 * GCM alone does not commit to a key. This test computes a ciphertext and a tag that open under two
 * keys, to different texts. Because of the vault's commitment, the vault opens it under one key
 * only. The primitives must also pass the vectors of Project Wycheproof.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from '@jest/globals';
import { encodeIdentity, open, seal } from '../../functions/crypto/envelope.ts';
import { printFigure } from '../support/figure.ts';
import { collide } from '../support/gcm-collision.ts';
import { codeOf } from '../support/refusals.ts';

const identity = {
  vault: 'test-vault',
  tenant: 'acme',
  name: 'DB_PASSWORD',
  version: 7,
  validFrom: Date.parse('2026-11-24T14:30:48.123Z'),
  createdBy: 'alice',
  writeId: 'AAECAwQFBgcICQoLDA0ODw',
  masterKeyId: 'arn:aws:kms:us-east-1:000000000000:key/one',
};

/** Derives the keys from a data key, as the vault does (docs/design/envelope.md). */
const derive = (dataKey: Uint8Array) => {
  const info = createHash('sha256').update(encodeIdentity(identity)).digest();
  const both = Buffer.from(hkdfSync('sha256', dataKey, new Uint8Array(0), info, 64));
  return { encryptionKey: both.subarray(0, 32), commitment: both.subarray(32) };
};

const decrypt = (key: Uint8Array, iv: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Buffer => {
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: 16 });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
};

describe('a ciphertext that GCM opens under two keys', () => {
  it('opens in the vault under its own key only, although GCM alone opens it under both', async () => {
    const rounds = 50;
    for (let round = 0; round < rounds; round += 1) {
      const [dataKeyA, dataKeyB] = [randomBytes(32), randomBytes(32)];
      const [a, b] = [derive(dataKeyA), derive(dataKeyB)];
      const iv = randomBytes(12);
      const aad = encodeIdentity(identity);
      const ciphertext = collide(a.encryptionKey, b.encryptionKey, iv, aad);

      const textOfA = decrypt(a.encryptionKey, iv, aad, ciphertext);
      expect(decrypt(b.encryptionKey, iv, aad, ciphertext)).not.toEqual(textOfA);

      const record = { iv, ciphertext, commitment: a.commitment } as const;
      expect(open(record, dataKeyA, identity)).toEqual(textOfA);
      expect(await codeOf(() => open(record, dataKeyB, identity))).toBe('integrity_failure');
      const other = { ...record, commitment: b.commitment };
      expect(await codeOf(() => open(other, dataKeyA, identity))).toBe('integrity_failure');
    }
    printFigure(
      'two keys',
      `${rounds} ciphertexts that two keys open, each refused under the second`,
    );
  });
});

type Vector = { readonly tcId: number; readonly comment: string; readonly result: string };
const vectorsOf = <Members extends string>(file: string) => {
  const text = readFileSync(`test/vectors/wycheproof/${file}.json`, 'utf8');
  const { tests } = JSON.parse(text) as {
    tests: readonly (Vector & Readonly<Record<Members, string>>)[];
  };
  return tests;
};
const hex = (text: string): Buffer => Buffer.from(text, 'hex');

describe('the vectors of Project Wycheproof', () => {
  const gcm = vectorsOf<'key' | 'iv' | 'aad' | 'msg' | 'ct' | 'tag'>('aes-256-gcm');
  const hkdf = vectorsOf<'ikm' | 'salt' | 'info' | 'size' | 'okm'>('hkdf-sha256');
  afterAll(() => {
    printFigure(
      'Wycheproof',
      `${gcm.length} of AES-256-GCM and ${hkdf.length} of HKDF-SHA-256 hold`,
    );
  });

  it.each(gcm)('pass for AES-256-GCM: $tcId $comment', ({ key, iv, aad, msg, ct, tag, result }) => {
    const sealed = Buffer.concat([hex(ct), hex(tag)]);
    const opening = () => decrypt(hex(key), hex(iv), hex(aad), sealed);
    if (result !== 'valid') {
      expect(opening).toThrow();
      return;
    }
    expect(opening().toString('hex')).toBe(msg);
    const cipher = createCipheriv('aes-256-gcm', hex(key), hex(iv), { authTagLength: 16 });
    cipher.setAAD(hex(aad));
    const again = Buffer.concat([cipher.update(hex(msg)), cipher.final(), cipher.getAuthTag()]);
    expect(again).toEqual(sealed);
  });

  it.each(hkdf)(
    'pass for HKDF-SHA-256: $tcId $comment',
    ({ ikm, salt, info, size, okm, result }) => {
      const deriving = () => hkdfSync('sha256', hex(ikm), hex(salt), hex(info), Number(size));
      if (result !== 'valid') expect(deriving).toThrow();
      else expect(Buffer.from(deriving()).toString('hex')).toBe(okm);
    },
  );
});

it('the derivation in this test gives the same commitment as the vault’s own seal', () => {
  const dataKey = randomBytes(32);
  expect(seal(Buffer.from('x'), dataKey, identity).commitment).toEqual(derive(dataKey).commitment);
});
