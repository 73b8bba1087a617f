/**
 * The history of a secret as adjacent intervals on a line. They are drawn to scale, except that
 * very short ones are widened so that they stay visible.
 */
import type { ReplyOf } from '../../../client/types.ts';

export type VersionEntry = ReplyOf<'list-versions'>['versions'][number];

/** A time range in milliseconds since the epoch, without its end. */
export type TimeRange = { readonly from: number; readonly to: number };

/**
 * The time in which a version was valid. If `entry` is `undefined`, it is the part of the history
 * that the page has not loaded.
 */
export type Interval = TimeRange & { readonly entry: VersionEntry | undefined };

/** An interval as it is drawn: its left edge and its width, in pixels. */
export type Bar = Interval & { readonly x: number; readonly width: number };

/**
 * Returns the intervals of a secret, oldest first. `entries` are its newest versions, newest first,
 * and `begin` is the time of its first version. The current version lasts until now, but at least a
 * millisecond, because the clocks of page and vault differ.
 */
export const intervalsOf = (
  entries: readonly VersionEntry[],
  begin: number,
  now: number,
): readonly Interval[] => {
  const known = entries.map((entry) => {
    const from = Date.parse(entry.validFrom);
    const to = entry.validTo === null ? Math.max(now, from + 1) : Date.parse(entry.validTo);
    return { entry, from, to };
  });
  known.reverse();
  const [oldest] = known;
  if (oldest === undefined || begin >= oldest.from) return known;
  return [{ entry: undefined, from: begin, to: oldest.from }, ...known];
};

/** Returns the time from the start of the first interval to the end of the last. */
export const wholeOf = (intervals: readonly Interval[]): TimeRange => ({
  from: intervals[0]?.from ?? 0,
  to: intervals.at(-1)?.to ?? 0,
});

/** Returns the interval that contains the instant, if there is one. */
export const intervalAt = <Kind extends TimeRange>(
  intervals: readonly Kind[],
  instant: number,
): Kind | undefined => intervals.find(({ from, to }) => from <= instant && instant < to);

/** Returns the part of `range` that lies within `bounds`; `undefined` if they do not overlap. */
export const within = (range: TimeRange, bounds: TimeRange): TimeRange | undefined => {
  const clipped = { from: Math.max(range.from, bounds.from), to: Math.min(range.to, bounds.to) };
  return clipped.from < clipped.to ? clipped : undefined;
};

/**
 * Lays out the intervals within `range` on a line of `width` pixels. Their widths are to scale, but
 * at least `least`. If that would take more than half of the line, the minimum shrinks to fit into
 * half.
 */
export const layOut = (
  intervals: readonly Interval[],
  range: TimeRange,
  { width, least }: { readonly width: number; readonly least: number },
): readonly Bar[] => {
  const visible = intervals.filter((interval) => within(interval, range) !== undefined);
  const lengths = visible.map((interval) => lengthOf(within(interval, range)));
  const widths = widthsOf(lengths, width, Math.min(least, width / 2 / visible.length));
  let x = 0;
  return visible.map((interval, index) => {
    const bar = { ...interval, ...within(interval, range), x, width: widths[index] ?? 0 };
    x += bar.width;
    return bar;
  });
};

const lengthOf = (range: TimeRange | undefined): number => (range ? range.to - range.from : 0);

/**
 * Returns widths in proportion to the lengths, but at least `least`. The wide bars shrink to make
 * room.
 */
const widthsOf = (lengths: readonly number[], width: number, least: number): readonly number[] => {
  let length = lengths.reduce((sum, each) => sum + each, 0);
  let rest = width;
  const widened = new Set<number>();
  const shortestFirst = [...lengths.keys()].sort((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0));
  for (const index of shortestFirst) {
    const own = lengths[index] ?? 0;
    if ((own / length) * rest >= least) break;
    widened.add(index);
    length -= own;
    rest -= least;
  }
  return lengths.map((own, index) => (widened.has(index) ? least : (own / length) * rest));
};

/** Counts the bars that are drawn wider than to scale. */
export const countWidened = (bars: readonly Bar[]): number => {
  const perMs = Math.min(...bars.map(({ width, from, to }) => width / (to - from)));
  // The factor allows for rounding errors of bars that are to scale.
  return bars.filter(({ width, from, to }) => width / (to - from) > perMs * 1.001).length;
};

/** Returns the position of an instant on the line. Instants outside it are moved to its ends. */
export const xOf = (bars: readonly Bar[], instant: number): number => {
  const bar = intervalAt(bars, instant);
  if (bar) return bar.x + ((instant - bar.from) / (bar.to - bar.from)) * bar.width;
  const last = bars.at(-1);
  return last === undefined || instant < last.from ? 0 : last.x + last.width;
};

/**
 * Returns the instant at a position, in whole milliseconds. It always lies within the bar at that
 * position.
 */
export const instantAt = (bars: readonly Bar[], x: number): number | undefined => {
  const bar = bars.find((each) => x < each.x + each.width) ?? bars.at(-1);
  if (bar === undefined) return undefined;
  const instant = bar.from + Math.floor(((x - bar.x) / bar.width) * (bar.to - bar.from));
  return Math.min(Math.max(instant, bar.from), bar.to - 1);
};

const [secondMs, minuteMs, hourMs, dayMs] = [1_000, 60_000, 3_600_000, 86_400_000];

/** Returns the day or the hour that ends at `end`. */
export const lastOf = (unit: 'day' | 'hour', end: number): TimeRange => ({
  from: end - (unit === 'day' ? dayMs : hourMs),
  to: end,
});

/** Possible distances between marks: milliseconds for fixed lengths, and months for longer ones. */
const steps = [
  ...[1, 10, 100, secondMs, 5 * secondMs, 15 * secondMs],
  ...[minuteMs, 5 * minuteMs, 15 * minuteMs, hourMs, 3 * hourMs, 6 * hourMs, 12 * hourMs],
  ...[dayMs, 2 * dayMs, 7 * dayMs],
];
const monthSteps = [1, 3, 6, 12, 60, 120, 1_200];
const monthMs = 30 * dayMs;

/** Returns up to `most` round instants of local time within the range, and their distance. */
export const ticksOf = (
  { from, to }: TimeRange,
  most: number,
): { readonly stepMs: number; readonly instants: readonly number[] } => {
  const fits = (stepMs: number): boolean => (to - from) / stepMs <= most;
  const step = steps.find(fits);
  const months = monthSteps.find((count) => fits(count * monthMs)) ?? Number.POSITIVE_INFINITY;
  const instants: number[] = [];
  for (let index = 0; index <= most; index += 1) {
    instants.push(step ? roundInstant(from, step, index) : roundMonth(from, months, index));
  }
  const within = instants.filter((instant) => instant >= from && instant < to);
  return { stepMs: step ?? months * monthMs, instants: within.slice(0, most) };
};

/** Returns the first multiple of `step` in local time at or after `from`, plus `index` steps. */
const roundInstant = (from: number, step: number, index: number): number => {
  const offsetMs = new Date(from).getTimezoneOffset() * -minuteMs;
  return (Math.ceil((from + offsetMs) / step) + index) * step - offsetMs;
};

/** Like `roundInstant`, but returns the start of a month, and the step is a number of months. */
const roundMonth = (from: number, months: number, index: number): number => {
  const date = new Date(from - 1);
  const month = date.getFullYear() * 12 + date.getMonth() + 1;
  return new Date(0, (Math.ceil(month / months) + index) * months - 1_900 * 12, 1).getTime();
};
