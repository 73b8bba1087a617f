/** The arithmetic of graphs. */
import type { Outcome, Rate } from '../../cli/console/test-write-rates.ts';

/** A bar of a graph that is one unit wide for each second, from the top down. */
export type RateBar = {
  readonly outcome: Outcome;
  readonly x: number;
  readonly y: number;
  readonly height: number;
};

/** From the ground up. */
export const outcomes: readonly Outcome[] = ['acknowledged', 'refused', 'unclear'];

const steps = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

/** The highest number that the graph shows: the next of 5, 10, 15, 20, 25, 30, 40, 50 … */
export const ceilingOf = (rates: readonly Rate[]): number => {
  const highest = Math.max(5, ...rates.map(totalOf));
  const decade = 10 ** Math.floor(Math.log10(highest));
  return (steps.find((step) => step * decade >= highest) ?? 10) * decade;
};

const totalOf = ({ acknowledged, refused, unclear }: Rate): number =>
  acknowledged + refused + unclear;

/** The bars of each second, one upon the other, in a graph of this height. */
export const barsOf = (rates: readonly Rate[], height: number): readonly RateBar[] => {
  const scale = height / ceilingOf(rates);
  return rates.flatMap((rate, x) => {
    let y = height;
    return outcomes.flatMap((outcome): RateBar[] => {
      const own = rate[outcome] * scale;
      y -= own;
      return own > 0 ? [{ outcome, x, y, height: own }] : [];
    });
  });
};

/** The mean rate of the newest seconds, with one decimal. */
export const meanOf = (rates: readonly Rate[], outcome: Outcome, seconds: number): number => {
  const newest = rates.slice(-seconds);
  const sum = newest.reduce((all, rate) => all + rate[outcome], 0);
  return Math.round((sum / Math.max(1, newest.length)) * 10) / 10;
};

/** A line through the numbers, the newest at the right end, as `points` of a polyline. */
export const lineOf = (
  numbers: readonly number[],
  width: number,
  height: number,
  count: number,
): string => {
  const highest = Math.max(10, ...numbers);
  const step = width / (count - 1);
  const first = width - step * (numbers.length - 1);
  return numbers
    .map((one, index) => {
      const y = height - (one / highest) * height;
      return `${(first + index * step).toFixed(1)},${y.toFixed(1)}`;
    })
    .join(' ');
};
