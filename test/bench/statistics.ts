/** What many measured times come to. */

/** One stretch of load: how long each operation took that came out as it must, and how long all of them together. */
export type Slice = {
  readonly latencies: readonly number[];
  readonly failed: number;
  /** What the first of those that failed said. */
  readonly failure?: string;
  readonly elapsedMs: number;
};

export type Times = {
  readonly count: number;
  readonly failed: number;
  readonly perSecond: number;
  /** In milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
};

export const sumOf = (numbers: readonly number[]): number =>
  numbers.reduce((sum, each) => sum + each, 0);

/** The smallest of the sorted numbers that is not exceeded by this part of them; NaN if there are none. */
export const percentile = (sorted: readonly number[], part: number): number =>
  sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;

export const joinSlices = (slices: readonly Slice[]): Slice => ({
  latencies: slices.flatMap(({ latencies }) => latencies),
  failed: sumOf(slices.map(({ failed }) => failed)),
  elapsedMs: sumOf(slices.map(({ elapsedMs }) => elapsedMs)),
});

export const timesOf = ({ latencies, failed, elapsedMs }: Slice): Times => {
  const sorted = latencies.toSorted((a, b) => a - b);
  return {
    count: sorted.length,
    failed,
    perSecond: (sorted.length * 1000) / elapsedMs,
    p50: percentile(sorted, 0.5),
    p95: percentile(sorted, 0.95),
    p99: percentile(sorted, 0.99),
  };
};
