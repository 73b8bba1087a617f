import { describe, expect, it } from '@jest/globals';
import { createRates, outcomeOf, secondsShown } from '../../../cli/console/test-write-rates.ts';

const none = { acknowledged: 0, refused: 0, unclear: 0 };

describe('the rates of test writes', () => {
  it('count each outcome in its second, and end with the last whole second', () => {
    const rates = createRates();
    rates.count('acknowledged', 10_000);
    rates.count('acknowledged', 10_999);
    rates.count('refused', 11_000);
    rates.count('unclear', 12_500);
    expect(rates.until(12_900).slice(-3)).toEqual([
      none,
      { ...none, acknowledged: 2 },
      { ...none, refused: 1 },
    ]);
  });

  it('forget the counts of a second once they are two minutes old', () => {
    const rates = createRates();
    rates.count('acknowledged', 1_000_000);
    rates.count('refused', 1_000_000 + 121_000);
    expect(rates.until(1_000_000 + 122_000).at(-1)).toEqual({ ...none, refused: 1 });
  });

  it('keep each of the last 120 seconds, and the second that is not over', () => {
    const rates = createRates();
    for (let second = 0; second <= 120; second += 1) rates.count('acknowledged', second * 1_000);
    const all = Array.from({ length: 120 }, () => ({ ...none, acknowledged: 1 }));
    expect(rates.until(120_500)).toEqual(all);
    expect(rates.until(121_500)).toEqual(all);
  });

  it('show two minutes, also before anything was counted and after it has passed', () => {
    const rates = createRates();
    expect(rates.until(1_000_000)).toEqual(Array.from({ length: secondsShown }, () => none));
    rates.count('acknowledged', 1_000_000);
    expect(rates.until(1_000_000 + 120_000)[0]).toEqual({ ...none, acknowledged: 1 });
    expect(rates.until(1_000_000 + 121_000)).not.toContainEqual({ ...none, acknowledged: 1 });
  });
});

describe('outcomeOf', () => {
  it.each([
    [201, '', 'acknowledged'],
    [200, '', 'acknowledged'],
    [401, 'unauthenticated', 'refused'],
    [409, 'version_conflict', 'refused'],
    [503, 'store_unavailable', 'refused'],
    [503, 'master_key_unavailable', 'refused'],
    [503, 'outcome_unknown', 'unclear'],
    [500, 'internal', 'unclear'],
    [502, '', 'unclear'],
    [null, 'ECONNREFUSED', 'refused'],
    [null, 'ECONNRESET', 'unclear'],
    [null, 'TimeoutError', 'unclear'],
  ])('maps status %s and code %s to %s', (status, code, outcome) => {
    expect(outcomeOf({ status, code })).toBe(outcome);
  });
});
