import { describe, expect, it } from '@jest/globals';
import { formatInstant, parseAskedInstant, parseInstant } from '../../../functions/model/types.ts';

const instant = Date.UTC(2026, 10, 24, 14, 30, 48, 123);

describe('a stored instant', () => {
  it('has 24 characters of RFC 3339 in UTC, and is read back exactly', () => {
    expect(formatInstant(instant)).toBe('2026-11-24T14:30:48.123Z');
    expect(parseInstant('2026-11-24T14:30:48.123Z')).toBe(instant);
  });

  it('sorts as text in the order of time', () => {
    const texts = [0, 1, 999, 1_000, instant, instant + 1].map(formatInstant);
    expect([...texts].sort()).toEqual(texts);
  });

  it('may be 29 February of a leap year', () => {
    expect(parseInstant('2028-02-29T00:00:00.000Z')).toBe(Date.UTC(2028, 1, 29));
  });

  it.each([
    '2026-11-24T14:30:48Z',
    '2026-11-24T14:30:48.1Z',
    '2026-11-24T14:30:48.1234Z',
    '2026-11-24T14:30:48.123',
    '2026-11-24T14:30:48.123z',
    '2026-11-24t14:30:48.123Z',
    '2026-11-24 14:30:48.123Z',
    '2026-11-24T14:30:48.123+00:00',
    '2026-02-30T00:00:00.000Z',
    '2027-02-29T00:00:00.000Z',
    '2026-13-01T00:00:00.000Z',
    '2026-00-01T00:00:00.000Z',
    '2026-11-24T24:00:00.000Z',
    '2026-12-31T23:59:60.000Z',
    '+012026-11-24T14:30:48.123Z',
    ' 2026-11-24T14:30:48.123Z',
    '2026-11-24T14:30:48.123Z\n',
    '٢٠٢٦-11-24T14:30:48.123Z',
    '',
  ])('must not be %j', (text) => {
    expect(parseInstant(text)).toBeUndefined();
  });
});

describe('a requested instant', () => {
  it.each([
    ['2026-11-24T14:30:48Z', 0],
    ['2026-11-24T14:30:48.1Z', 100],
    ['2026-11-24T14:30:48.12Z', 120],
    ['2026-11-24T14:30:48.123Z', 123],
    ['2026-11-24T14:30:48.003Z', 3],
  ])('may be %s', (text, ms) => {
    expect(parseAskedInstant(text)).toBe(instant - 123 + ms);
  });

  it.each([
    '2026-11-24T14:30:48.Z',
    '2026-11-24T14:30:48.1234Z',
    '2026-11-24T14:30:48+00:00',
    '2026-11-24T14:30:48.123+01:00',
    '2026-11-24T14:30Z',
    '2026-11-24',
    '2026-02-30T00:00:00Z',
    '2026-12-31T23:59:60Z',
    '1764000000000',
    'now',
    '',
  ])('must not be %j', (text) => {
    expect(parseAskedInstant(text)).toBeUndefined();
  });
});
