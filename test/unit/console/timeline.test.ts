import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  countWidened,
  type Interval,
  instantAt,
  intervalAt,
  intervalsOf,
  lastOf,
  layOut,
  ticksOf,
  type VersionEntry,
  wholeOf,
  within,
  xOf,
} from '../../../cli/console/page/timeline.ts';

const begin = Date.parse('2026-01-01T00:00:00.000Z');
const dayMs = 86_400_000;

/**
 * Returns versions that start this many milliseconds after `begin`, newest first, like the vault
 * lists them.
 */
const versionsAt = (...starts: readonly number[]): VersionEntry[] => {
  const instants = starts.map((start) => new Date(begin + start).toISOString());
  return instants
    .map((validFrom, index) => ({
      version: index + 1,
      state: 'stored' as const,
      validFrom,
      validTo: instants[index + 1] ?? null,
      createdBy: 'alice',
      masterKeyId: 'key-1',
    }))
    .reverse();
};

const lifeOf = (starts: readonly number[], lengthMs: number): readonly Interval[] =>
  intervalsOf(versionsAt(...starts), begin, begin + lengthMs);

/**
 * Random histories of a secret: when its versions start, each at another time, and how long the
 * secret has existed.
 */
const lives = fc
  .uniqueArray(fc.integer({ min: 1, max: 900 * dayMs }), { maxLength: 60 })
  .chain((later) => {
    const starts = [0, ...later.sort((a, b) => a - b)];
    const last = starts.at(-1) ?? 0;
    return fc.record({
      starts: fc.constant(starts),
      lengthMs: fc.integer({ min: last + 1, max: last + dayMs }),
    });
  });

describe('intervalsOf', () => {
  it('returns intervals without gaps from the first version until now, oldest first', () => {
    fc.assert(
      fc.property(lives, ({ starts, lengthMs }) => {
        const intervals = lifeOf(starts, lengthMs);
        expect(intervals.map(({ from }) => from - begin)).toEqual(starts);
        expect(intervals.map(({ to }) => to - begin)).toEqual([...starts.slice(1), lengthMs]);
      }),
    );
  });

  it('gives the current version a length of one millisecond if the clock of the page is behind', () => {
    const intervals = intervalsOf(versionsAt(0, 5_000), begin, begin + 1_000);
    expect(intervals.at(-1)).toMatchObject({ from: begin + 5_000, to: begin + 5_001 });
  });

  it('begins with an interval without a version if the oldest versions were not read', () => {
    const [newest, middle] = versionsAt(0, 1_000, 2_000);
    const intervals = intervalsOf([newest, middle] as VersionEntry[], begin, begin + 3_000);
    expect(intervals.map(({ entry, from }) => [entry?.version, from - begin])).toEqual([
      [undefined, 0],
      [2, 1_000],
      [3, 2_000],
    ]);
  });
});

describe('intervalAt', () => {
  it('returns the version whose interval contains the instant, including its start and excluding its end', () => {
    const intervals = lifeOf([0, 1_000], 2_000);
    const versionAt = (ms: number) => intervalAt(intervals, begin + ms)?.entry?.version;
    expect([-1, 0, 999, 1_000, 1_999, 2_000].map(versionAt)).toEqual([
      undefined,
      1,
      1,
      2,
      2,
      undefined,
    ]);
  });
});

describe('layOut', () => {
  const line = { width: 1_000, least: 4 };

  it('fills the line with bars that are all wide enough to be seen', () => {
    fc.assert(
      fc.property(lives, ({ starts, lengthMs }) => {
        const intervals = lifeOf(starts, lengthMs);
        const bars = layOut(intervals, wholeOf(intervals), line);
        let end = 0;
        for (const { x, width } of bars) {
          expect(x).toBeCloseTo(end);
          expect(width).toBeGreaterThanOrEqual(line.least - 1e-6);
          end = x + width;
        }
        expect(end).toBeCloseTo(line.width);
      }),
    );
  });

  it('draws to scale each bar that is then wide enough, and counts the bars that it has widened', () => {
    const intervals = lifeOf([0, 1, 500_001], 1_000_001);
    const bars = layOut(intervals, wholeOf(intervals), line);
    expect(bars.map(({ width }) => width)).toEqual([4, 498, 498]);
    expect(countWidened(bars)).toBe(1);
    const toScale = lifeOf([0, 250_000], 1_000_000);
    expect(layOut(toScale, wholeOf(toScale), line).map(({ width }) => width)).toEqual([250, 750]);
    expect(countWidened(layOut(toScale, wholeOf(toScale), line))).toBe(0);
  });

  it('keeps at least half of the line to scale, however many short versions there are', () => {
    const starts = Array.from({ length: 1_000 }, (_, index) => index);
    const intervals = lifeOf(starts, dayMs);
    const bars = layOut(intervals, wholeOf(intervals), line);
    expect(bars[0]?.width).toBeCloseTo(0.5);
    expect(bars.at(-1)?.width).toBeCloseTo(500.5);
  });

  it('draws only the intervals within the range', () => {
    const intervals = lifeOf([0, 1_000, 2_000], 3_000);
    const bars = layOut(intervals, { from: begin + 500, to: begin + 2_000 }, line);
    expect(bars.map(({ entry, from, to }) => [entry?.version, from - begin, to - begin])).toEqual([
      [1, 500, 1_000],
      [2, 1_000, 2_000],
    ]);
  });
});

describe('xOf and instantAt', () => {
  it('convert each place on the line to an instant of the bar there, and back', () => {
    fc.assert(
      fc.property(lives, fc.double({ min: 0, max: 1, noNaN: true }), (life, share) => {
        const intervals = lifeOf(life.starts, life.lengthMs);
        const bars = layOut(intervals, wholeOf(intervals), { width: 1_000, least: 4 });
        const x = share * 1_000;
        const instant = instantAt(bars, x) ?? 0;
        const bar = intervalAt(bars, instant);
        expect(bar && x >= bar.x - 1e-6 && x <= bar.x + bar.width + 1e-6).toBe(true);
        // An instant is rounded to a millisecond, so its place may differ by the
        // width of one millisecond.
        const perMs = bar ? bar.width / (bar.to - bar.from) : 0;
        expect(Math.abs(xOf(bars, instant) - x)).toBeLessThanOrEqual(perMs + 1e-6);
      }),
    );
  });

  it('put an instant before the line at its start, and one after it at its end', () => {
    const intervals = lifeOf([0, 1_000], 2_000);
    const bars = layOut(intervals, wholeOf(intervals), { width: 100, least: 4 });
    expect([xOf(bars, begin - 1), xOf(bars, begin + 2_000)]).toEqual([0, 100]);
    expect(xOf([], begin)).toBe(0);
    expect(instantAt([], 0)).toBeUndefined();
  });
});

describe('within', () => {
  it('clips a range to its bounds, and returns undefined if nothing of it is left', () => {
    const bounds = { from: 100, to: 200 };
    expect(within({ from: 0, to: 150 }, bounds)).toEqual({ from: 100, to: 150 });
    expect(within(lastOf('hour', 200), bounds)).toEqual(bounds);
    expect(within({ from: 200, to: 300 }, bounds)).toBeUndefined();
    expect(within({ from: 150, to: 150 }, bounds)).toBeUndefined();
  });
});

describe('ticksOf', () => {
  const local = (month: number, day = 1, hours = 0, minutes = 0): number =>
    new Date(2026, month, day, hours, minutes).getTime();
  const ticks = (from: number, to: number, most: number) => ticksOf({ from, to }, most);

  it.each([
    [
      'minutes',
      local(0, 1, 0, 2),
      local(0, 1, 0, 42),
      [5, 10, 15, 20, 25, 30, 35, 40].map((m) => local(0, 1, 0, m)),
    ],
    ['hours', local(0, 1, 1), local(0, 2), [3, 6, 9, 12, 15, 18, 21].map((h) => local(0, 1, h))],
    ['days', local(0, 1, 12), local(0, 8, 11), [2, 3, 4, 5, 6, 7, 8].map((day) => local(0, day))],
    ['months', local(0, 2), local(7, 1), [1, 2, 3, 4, 5, 6].map((month) => local(month))],
    ['quarters', local(0, 2), local(19, 1), [3, 6, 9, 12, 15, 18].map((month) => local(month))],
    [
      'years',
      local(0, 1),
      local(7 * 12 + 6, 1),
      [0, 1, 2, 3, 4, 5, 6, 7].map((year) => local(year * 12)),
    ],
  ])('marks round %s of local time', (_, from, to, expected) => {
    expect(ticks(from, to, 8).instants).toEqual(expected);
  });

  it('returns at most the requested number of marks, all within the range', () => {
    const range = fc.record({
      from: fc.integer({ min: 0, max: 2e12 }),
      length: fc.integer({ min: 1, max: 2e12 }),
    });
    fc.assert(
      fc.property(range, fc.integer({ min: 0, max: 20 }), ({ from, length }, most) => {
        const { instants } = ticks(from, from + length, most);
        expect(instants.length).toBeLessThanOrEqual(most);
        expect(instants.every((instant) => from <= instant && instant < from + length)).toBe(true);
      }),
    );
  });
});
