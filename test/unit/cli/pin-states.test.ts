import { describe, expect, it } from '@jest/globals';
import {
  durationMs,
  durationText,
  isLate,
  pinOf,
  supersededMs,
} from '../../../cli/commands/outdated.ts';
import type { NewestVersion } from '../../../cli/files/version-facts.ts';

const written = (version: number, validTo: string | null): NewestVersion => ({
  version,
  state: 'stored',
  validFrom: '2026-01-01T00:00:00.000Z',
  validTo,
  createdBy: 'alice',
  masterKeyId: 'k',
});

const pinWith = (validTo: string | null) => {
  const pinned = new Map([[1, written(1, validTo)]]);
  const newest = validTo === null ? written(1, null) : written(2, null);
  return pinOf(new Map([['A', { newest, pinned }]]), 'A', 1);
};

describe('--max-age', () => {
  const supersededAt = '2026-03-01T00:00:00.000Z';
  const ninetyDaysMs = durationMs('90d') ?? Number.NaN;

  it('refuses a pin a millisecond after that age, counted from when the pinned version was superseded', () => {
    const limit = Date.parse('2026-05-30T00:00:00.000Z');
    const pin = pinWith(supersededAt);
    expect([limit, limit + 1].map((now) => isLate(pin, now, ninetyDaysMs))).toEqual([false, true]);
  });

  it('never refuses a pin of the current version, however old that is', () => {
    expect(isLate(pinWith(null), Date.parse('2036-01-01T00:00:00.000Z'), 0)).toBe(false);
  });

  it('takes a version that was superseded in the future of a slow clock as superseded now', () => {
    expect(supersededMs(pinWith(supersededAt), Date.parse(supersededAt) - 5_000)).toBe(0);
  });
});

describe('a duration', () => {
  it('takes days, hours, minutes or seconds, and nothing else', () => {
    const texts = ['90d', '12h', '30m', '45s', '0d', '90', 'd', '1.5d', '-1d', '90D', '90 d', ''];
    const day = 86_400_000;
    const known = [90 * day, day / 2, 1_800_000, 45_000, 0];
    expect(texts.map(durationMs)).toEqual([...known, ...Array(7).fill(undefined)]);
  });

  it('appears in its largest whole unit', () => {
    const ms = [0, 59_999, 60_000, 3_600_000, 86_399_999, 90.9 * 86_400_000];
    expect(ms.map(durationText)).toEqual(['0s', '59s', '1m', '1h', '23h', '90d']);
  });
});
