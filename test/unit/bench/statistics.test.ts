import { describe, expect, it } from '@jest/globals';
import { joinSlices, percentile, timesOf } from '../../../bench/statistics.ts';

const hundred = Array.from({ length: 100 }, (_, index) => index + 1);

describe('percentile', () => {
  it.each([
    [0, 1],
    [0.5, 50],
    [0.95, 95],
    [0.99, 99],
    [1, 100],
  ])('returns, for 1 to 100 at %d, the number %d', (part, expected) => {
    expect(percentile(hundred, part)).toBe(expected);
  });

  it('returns the only number for every part', () => {
    expect([0, 0.5, 0.99].map((part) => percentile([7], part))).toEqual([7, 7, 7]);
  });

  it('returns NaN for an empty list', () => {
    expect(percentile([], 0.5)).toBeNaN();
  });
});

describe('the times of a slice', () => {
  it('include count, rate and percentiles for any order of latencies', () => {
    const slice = { latencies: hundred.toReversed(), failed: 3, elapsedMs: 2_000 };
    expect(timesOf(slice)).toEqual({
      count: 100,
      failed: 3,
      perSecond: 50,
      p50: 50,
      p95: 95,
      p99: 99,
    });
  });

  it('cover all slices that are joined', () => {
    const slices = [
      { latencies: [1, 5], failed: 1, elapsedMs: 100 },
      { latencies: [3], failed: 0, elapsedMs: 50 },
    ];
    expect(timesOf(joinSlices(slices))).toMatchObject({
      count: 3,
      failed: 1,
      perSecond: 20,
      p50: 3,
    });
  });
});
