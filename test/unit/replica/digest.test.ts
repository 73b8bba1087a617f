import { describe, expect, it } from '@jest/globals';
import { createDigestHistory, nextDigest, startPosition } from '../../../local/replica/digest.ts';

describe('the rolling digest', () => {
  it('differs with each thing that it stands for', () => {
    const digests = [
      nextDigest('', 2, 'a', 'applied'),
      nextDigest('x', 2, 'a', 'applied'),
      nextDigest('', 3, 'a', 'applied'),
      nextDigest('', 2, 'b', 'applied'),
      nextDigest('', 2, 'a', 'ConditionalCheckFailedException'),
    ];
    expect(new Set(digests).size).toBe(digests.length);
  });

  it('is not fooled by where one part ends and the next begins', () => {
    expect(nextDigest('', 2, 'a', 'bc')).not.toBe(nextDigest('', 2, 'ab', 'c'));
    expect(nextDigest('x1', 2, 'a', '')).not.toBe(nextDigest('x', 12, 'a', ''));
  });

  it('stays the same from one version of the vault to the next', () => {
    expect(nextDigest(startPosition.digest, 2, 'an-id', 'applied')).toBe(
      '33f30b20e691f477268a584940554041c5c9179425b83c7dfdd2fe299abf86b7',
    );
  });
});

describe('the history of digests', () => {
  const positionOf = (revision: number) => ({
    revision,
    version: revision,
    digest: `d${revision}`,
  });

  it('knows no revision that it was not told', () => {
    const history = createDigestHistory();
    history.add(positionOf(5));
    expect([history.find(4), history.find(5), history.find(6)]).toEqual([
      undefined,
      'd5',
      undefined,
    ]);
  });

  it('forgets the oldest when it holds 10,000', () => {
    const history = createDigestHistory();
    for (let revision = 1; revision <= 10_001; revision += 1) history.add(positionOf(revision));
    expect([history.find(1), history.find(2)]).toEqual([undefined, 'd2']);
    expect(history.find(10_001)).toBe('d10001');
  });
});
