import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { encodeIdentity, open, seal } from '../../../functions/crypto/envelope.ts';
import type { Identity, SealedValue } from '../../../functions/model/types.ts';
import { codeOf } from '../../support/refusals.ts';

const identity: Identity = {
  vault: 'test-vault',
  tenant: 'acme',
  name: 'DB_PASSWORD',
  version: 7,
  validFrom: Date.UTC(2026, 10, 24),
  createdBy: 'alice',
  writeId: 'AAECAwQFBgcICQoLDA0ODw',
  masterKeyId: 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd',
};
const dataKey = randomBytes(32);
const value = Buffer.from('hunter2');
const sealed = seal(value, dataKey, identity);

const flip = (bytes: Uint8Array, bit: number): Uint8Array => {
  const flipped = Uint8Array.from(bytes);
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return flipped;
};

/** Computes the encryption key and the commitment without the code under test. */
const deriveBeside = (key: Uint8Array, aad: Uint8Array) => {
  const info = createHash('sha256').update(aad).digest();
  const output = Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), info, 64));
  return { encryptionKey: output.subarray(0, 32), commitment: output.subarray(32) };
};

describe('a sealed value', () => {
  it.each([
    ['a text', value],
    ['an empty value', Buffer.alloc(0)],
    ['the largest value', randomBytes(65_536)],
    ['every byte', Buffer.from([...Array(256).keys()])],
  ])('opens to %s, which its ciphertext does not contain', (_, content) => {
    const record = seal(content, dataKey, identity);
    expect(Buffer.compare(open(record, dataKey, identity), content)).toBe(0);
    expect(record.ciphertext).toHaveLength(content.length + 16);
    if (content.length > 0) expect(Buffer.from(record.ciphertext).includes(content)).toBe(false);
  });

  it('has a new random iv each time, so sealing the same value again looks different', () => {
    const records = Array.from({ length: 50 }, () => seal(value, dataKey, identity));
    const different = (part: 'iv' | 'ciphertext') =>
      new Set(records.map((record) => Buffer.from(record[part]).toString('hex'))).size;
    expect(different('iv')).toBe(50);
    expect(different('ciphertext')).toBe(50);
  });

  it("leaves the caller's value and data key unchanged", () => {
    const [key, content] = [randomBytes(32), Buffer.from('hunter2')];
    const before = Buffer.from(key);
    const opened = open(seal(content, key, identity), key, identity);
    expect(key).toEqual(before);
    expect(content.toString()).toBe('hunter2');
    expect(Buffer.from(opened).toString()).toBe('hunter2');
  });

  it.each([0, 16, 31, 33, 64])(
    'can neither be made nor opened with a data key of %s bytes, which fails as internal',
    async (length) => {
      expect(await codeOf(() => seal(value, randomBytes(length), identity))).toBe('internal');
      expect(await codeOf(() => open(sealed, randomBytes(length), identity))).toBe('internal');
    },
  );
});

describe('opening a record under another identity', () => {
  it.each<[string, Partial<Identity>]>([
    ['vault', { vault: 'test-vaulu' }],
    ['tenant', { tenant: 'acmf' }],
    ['name', { name: 'DB_PASSWORE' }],
    ['version', { version: 8 }],
    ['first instant', { validFrom: identity.validFrom + 1 }],
    ['subject', { createdBy: 'alicf' }],
    ['write id', { writeId: 'BAECAwQFBgcICQoLDA0ODw' }],
    ['master key', { masterKeyId: `${identity.masterKeyId}e` }],
    ['note', { note: 'x' }],
    ['border of tenant and name', { tenant: 'acmeD', name: 'B_PASSWORD' }],
  ])('fails with integrity_failure for another %s', async (_, change) => {
    expect(await codeOf(() => open(sealed, dataKey, { ...identity, ...change }))).toBe(
      'integrity_failure',
    );
  });

  it('fails even if the record is given the commitment of the other identity, which is a different one', async () => {
    const moved = { ...identity, version: 8 };
    const { commitment } = deriveBeside(dataKey, encodeIdentity(moved));
    expect(Buffer.compare(commitment, sealed.commitment)).not.toBe(0);
    expect(await codeOf(() => open({ ...sealed, commitment }, dataKey, moved))).toBe(
      'integrity_failure',
    );
  });
});

describe('opening a changed record', () => {
  const parts = ['iv', 'ciphertext', 'commitment'] as const;
  const codeOfChanged = (change: Partial<SealedValue>) =>
    codeOf(() => open({ ...sealed, ...change }, dataKey, identity));

  it.each(parts)('fails with integrity_failure if any bit of its %s is changed', async (part) => {
    const codes = new Set();
    for (let bit = 0; bit < sealed[part].length * 8; bit++) {
      codes.add(await codeOfChanged({ [part]: flip(sealed[part], bit) }));
    }
    expect([...codes]).toEqual(['integrity_failure']);
  });

  it.each(parts)('fails with integrity_failure if its %s has another length', async (part) => {
    const longer = Buffer.concat([sealed[part], Buffer.alloc(40)]);
    const codes = new Set();
    for (let length = 0; length <= longer.length; length++) {
      if (length === sealed[part].length) continue;
      codes.add(await codeOfChanged({ [part]: longer.subarray(0, length) }));
      codes.add(await codeOfChanged({ [part]: longer.subarray(longer.length - length) }));
    }
    expect([...codes]).toEqual(['integrity_failure']);
  });

  it('fails with integrity_failure for an iv of another length, even if everything else was made with it', async () => {
    const record = seal(value, dataKey, identity, () => randomBytes(16));
    expect(await codeOf(() => open(record, dataKey, identity))).toBe('integrity_failure');
  });

  it('fails with integrity_failure if its iv or ciphertext comes from another record of the same version', async () => {
    const other = seal(Buffer.from('hunter3'), dataKey, identity);
    expect(await codeOfChanged({ iv: other.iv })).toBe('integrity_failure');
    expect(await codeOfChanged({ ciphertext: other.ciphertext })).toBe('integrity_failure');
  });

  it('fails with integrity_failure for another data key', async () => {
    expect(await codeOf(() => open(sealed, randomBytes(32), identity))).toBe('integrity_failure');
  });

  it('fails with an error that contains neither the value nor the key', async () => {
    const refused = await Promise.resolve()
      .then(() => open({ ...sealed, iv: flip(sealed.iv, 0) }, dataKey, identity))
      .catch((error: Error) => error);
    const told = String((refused as Error).stack) + String((refused as Error).cause);
    expect(told).not.toContain('hunter2');
    expect(told).not.toContain(dataKey.toString('hex'));
  });
});
