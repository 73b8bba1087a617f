/** Statistics of measured times. */

/** One period of load: the latency of each successful operation, and the duration of the period. */
export type Slice = {
  readonly latencies: readonly number[];
  readonly failed: number;
  /** The error message of the first operation that failed. */
  readonly failure?: string;
  readonly elapsedMs: number;
};

export type Times = {
  readonly count: number;
  readonly failed: number;
  readonly perSecond: number;
  /** Times are in milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
};

export const sumOf = (numbers: readonly number[]): number =>
  numbers.reduce((sum, each) => sum + each, 0);

/**
 * Returns the percentile of sorted numbers: the smallest of them such that at least this share of
 * all is not larger. NaN if there are no numbers.
 */
const percentile = (sorted: readonly number[], part: number): number =>
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
