import { describe, expect, it } from '@jest/globals';
import { costOf, prices, pricesAsOf, pricesRegion, quotas } from '../../bench/prices.ts';

describe('the prices', () => {
  it.each(Object.entries(prices))(
    'tell where they come from and what they are for: %s',
    (_, price) => {
      expect(price.source).toMatch(/^https:\/\/aws\.amazon\.com\/[a-z-]+\/pricing\//);
      expect(price.seen).not.toBe('');
      expect(price.usd).toBeGreaterThan(0);
      expect(price.per).toBeGreaterThanOrEqual(1);
    },
  );

  it('are of one day and one Region', () => {
    expect([pricesAsOf, pricesRegion]).toEqual(['2026-11-24', 'us-east-1']);
  });

  it('are counted by what they buy', () => {
    expect(costOf(prices.masterKeyCalls, 1_000_000)).toBeCloseTo(3, 9);
    expect(costOf(prices.readUnits, 2_000_000)).toBeCloseTo(0.25, 9);
    expect(costOf(prices.secretsManagerSecrets, 1_000)).toBeCloseTo(400, 9);
  });
});

describe('the quota of KMS', () => {
  it('is in no Region lower than what the template lets through', () => {
    expect(quotas.masterKeyCalls.lowest).toBeGreaterThanOrEqual(5_500);
  });
});
