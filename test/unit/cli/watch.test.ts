import { describe, expect, it } from '@jest/globals';
import { waitMs } from '../../../cli/watch.ts';

describe('the wait of dsvault run --watch', () => {
  it.each([
    [30_000, 0, 1, 30_000],
    [30_000, 1, 1, 60_000],
    [30_000, 1, 0, 30_000],
    [30_000, 3, 1, 240_000],
    [30_000, 4, 1, 300_000],
    [30_000, 4, 0, 150_000],
    [30_000, 5_000, 1, 300_000],
    [3_600_000, 2, 1, 3_600_000],
  ])('is for an interval of %i ms, %i failures and the chance %d: %i ms', (...asked) => {
    const [intervalMs, failures, chance, waitedMs] = asked;
    expect(waitMs(intervalMs, failures, chance)).toBe(waitedMs);
  });
});
