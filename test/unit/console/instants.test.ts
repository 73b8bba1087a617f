import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { instantOf, instantText, tickText } from '../../../cli/console/page/instants.ts';

const instant = new Date(2026, 10, 24, 14, 31, 5, 7).getTime();

describe('instantText and instantOf', () => {
  it('write and read local time with milliseconds, in the same form in every country', () => {
    expect(instantText(instant)).toBe('2026-11-24 14:31:05.007');
    expect(instantOf('2026-11-24 14:31:05.007')).toBe(instant);
  });

  it('convert each instant and back, except in the hour that is repeated at the end of summer time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), (any) => {
        const back = instantOf(instantText(any)) ?? 0;
        expect([0, 3_600_000, 1_800_000]).toContain(Math.abs(back - any));
      }),
    );
  });

  it('also read a shortened time, and an instant copied from a log', () => {
    expect(instantOf(' 2026-11-24 14:31 ')).toBe(new Date(2026, 10, 24, 14, 31).getTime());
    expect(instantOf('2026-11-24')).toBe(new Date(2026, 10, 24).getTime());
    expect(instantOf('2026-11-24T14:31:05.007Z')).toBe(Date.UTC(2026, 10, 24, 14, 31, 5, 7));
  });

  it.each(['', 'yesterday', '24 Nov 2026', '2026-13-01', '2026-11-24 14', '2026-11-24 14:31 GMT'])(
    'read no instant from %j',
    (text) => {
      expect(instantOf(text)).toBeUndefined();
    },
  );
});

describe('tickText', () => {
  it('shows as much of an instant as the distance between the marks requires', () => {
    expect(tickText(instant, 31 * 86_400_000)).toBe('2026-11');
    expect(tickText(instant, 86_400_000)).toBe('2026-11-24');
    expect(tickText(instant, 60_000)).toBe('11-24 14:31');
    expect(tickText(instant, 1_000)).toBe('14:31:05');
    expect(tickText(instant, 1)).toBe('31:05.007');
  });
});
