import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { dollarTables } from '../../../bench/dollar-tables.ts';
import {
  breakEvenGets,
  dollarsPerMillion,
  dollarsPerMonth,
  rivals,
  sumOf,
  unitsOfItem,
} from '../../../bench/dollars.ts';
import { costOf, prices } from '../../../bench/prices.ts';
import { costs } from '../../support/costs.ts';

describe('the prices', () => {
  it.each(Object.entries(prices))('name their source and date: %s', (_, price) => {
    expect(price.source).toMatch(/^https:\/\/aws\.amazon\.com\/[a-z-]+\/pricing\//);
    expect(price.seen).not.toBe('');
    expect(price.usd).toBeGreaterThan(0);
    expect(costOf({ ...price, usd: 0.5, per: 200 }, 500)).toBe(1.25);
  });
});

describe('the price of the vault on AWS', () => {
  it('adds up units and calls at their prices', () => {
    const { store, masterKey, gateway, computing } = dollarsPerMillion(costs['update-secret']);
    // An update costs one unit of a read, and four of a write.
    expect(store).toBeCloseTo(0.125 + 4 * 0.625, 9);
    expect([masterKey, gateway]).toEqual([3, 3.5]);
    // The sum is the price of a request, and of 50 ms of half a gigabyte.
    expect(computing).toBeCloseTo(0.2 + 0.05 * 0.5 * 13.3334, 6);
  });

  it('grows with the number of secrets, except for fixed costs', () => {
    const [none, some, more] = [0, 1_000, 2_000].map((secrets) => dollarsPerMonth(secrets).vault);
    // An empty vault costs the key, and one metric of each operation.
    expect(none).toBeCloseTo(1 + 14 * 0.3, 9);
    expect((more ?? 0) - (none ?? 0)).toBeCloseTo(2 * ((some ?? 0) - (none ?? 0)), 9);
  });

  it('compares only with offers that exist', () => {
    expect(rivals['Secrets Manager'](500_001, 1)).toBeUndefined();
    expect(rivals['Parameter Store, standard'](10_001, 1)).toBeUndefined();
    expect(rivals['Parameter Store, advanced'](100_001, 1)).toBeUndefined();
    expect(rivals['Secrets Manager'](1_000, 1_000_000)).toBeCloseTo(400 + 5, 9);
  });

  it('equals rent and calls of a rival at the break-even number of reads', () => {
    const gets = breakEvenGets(0.4, 5);
    const vault = (sumOf(dollarsPerMillion(costs['get-secret'])) * gets) / 1_000_000;
    expect(vault).toBeCloseTo(0.4 + (5 * gets) / 1_000_000, 9);
  });

  it('counts units of 4 KB read and of 1 KB written', () => {
    expect(unitsOfItem(4096)).toEqual({ reads: 1, writes: 4 });
    expect(unitsOfItem(4097)).toEqual({ reads: 2, writes: 5 });
  });

  it.each(dollarTables().map((table) => [table.split('\n')[0], table]))(
    'matches the table in docs/performance.md: %s',
    (_, table) => {
      expect(readFileSync('docs/performance.md', 'utf8')).toContain(table);
    },
  );
});
