import { describe, expect, it } from '@jest/globals';
import { encodeIdentity, open, seal } from '../../../functions/crypto/envelope.ts';
import type { Identity } from '../../../functions/model/types.ts';
import frozen from '../../vectors/envelope-v2.json' with { type: 'json' };

const cases = frozen.vectors.map(({ title, identity, dataKey, value, aad, sealed }) => ({
  title,
  identity: { ...identity, validFrom: Date.parse(identity.validFrom) } satisfies Identity,
  dataKey: Buffer.from(dataKey, 'hex'),
  value: Buffer.from(value, 'hex'),
  aad: Buffer.from(aad, 'hex'),
  sealed: {
    iv: Buffer.from(sealed.iv, 'hex'),
    ciphertext: Buffer.from(sealed.ciphertext, 'hex'),
    commitment: Buffer.from(sealed.commitment, 'hex'),
  },
}));

describe('the frozen values of format v2', () => {
  it('include all seven cases', () => {
    expect(cases.map(({ title }) => title)).toEqual([
      'a text',
      'an empty value',
      'a subject outside ASCII',
      'a note outside ASCII',
      'bytes that are no text',
      'the largest version',
      'the longest names',
    ]);
  });

  it.each(cases)('open to their plaintexts: $title', ({ sealed, dataKey, identity, value }) => {
    expect(Buffer.compare(open(sealed, dataKey, identity), value)).toBe(0);
  });

  it.each(cases)('are reproduced by sealing with the same iv: $title', (frozenCase) => {
    const { sealed, dataKey, identity, value, aad } = frozenCase;
    expect(Buffer.compare(encodeIdentity(identity), aad)).toBe(0);
    expect(seal(value, dataKey, identity, () => sealed.iv)).toEqual(sealed);
  });
});
