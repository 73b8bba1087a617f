import { describe, expect, it } from '@jest/globals';
import { costOf, prices } from '../../../bench/prices.ts';

describe('the prices', () => {
  it.each(Object.entries(prices))('name their source and date: %s', (_, price) => {
    expect(price.source).toMatch(/^https:\/\/aws\.amazon\.com\/[a-z-]+\/pricing\//);
    expect(price.seen).not.toBe('');
    expect(price.usd).toBeGreaterThan(0);
    expect(price.per).toBeGreaterThanOrEqual(1);
  });

  it('apply in proportion to the bought units', () => {
    const price = { usd: 0.5, per: 200, unit: 'calls', source: '', seen: '' };
    expect([0, 200, 500].map((units) => costOf(price, units))).toEqual([0, 0.5, 1.25]);
  });
});
