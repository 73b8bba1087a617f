import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  exactText,
  fieldOf,
  instantOf,
  instantText,
  tickText,
} from '../../../console/page/instants.ts';

const instant = new Date(2026, 10, 24, 14, 31, 5, 7).getTime();

describe('fieldOf and instantOf', () => {
  it('write and read local time with milliseconds', () => {
    expect(fieldOf(instant)).toBe('2026-11-24T14:31:05.007');
    expect(instantOf('2026-11-24T14:31:05.007')).toBe(instant);
  });

  it('return each instant, but for the hour that the end of summer time repeats', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), (any) => {
        const back = instantOf(fieldOf(any)) ?? 0;
        expect([0, 3_600_000, 1_800_000]).toContain(Math.abs(back - any));
      }),
    );
  });

  it('read no instant from an empty field', () => {
    expect(instantOf('')).toBeUndefined();
  });
});

describe('exactText', () => {
  it('shows an instant to the millisecond', () => {
    expect(exactText(instant)).toMatch(/2026.*31.05.007/);
  });
});

describe('all texts of an instant', () => {
  it('count the hours from 0 to 23', () => {
    const texts = [exactText(instant), instantText(instant)];
    texts.push(...[60_000, 1_000].map((stepMs) => tickText(instant, stepMs)));
    for (const text of texts) expect(text).toMatch(/\b14:31/);
  });
});

describe('tickText', () => {
  it('shows as much of an instant as the distance of the marks needs', () => {
    expect(tickText(instant, 31 * 86_400_000)).toMatch(/^\D*2026$/);
    expect(tickText(instant, 86_400_000)).toMatch(/24.*2026/);
    expect(tickText(instant, 60_000)).toMatch(/31/);
    expect(tickText(instant, 60_000)).not.toMatch(/05/);
    expect(tickText(instant, 1_000)).toMatch(/31.05$|31.05 /);
    expect(tickText(instant, 1)).toMatch(/31.05.007/);
  });
});
