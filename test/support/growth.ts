/** Measures processor time, and how it grows with the input, for work that must be linear. */

const rounds = 15;
/**
 * Shorter times count as this long, because they mostly measure the clock and the garbage
 * collector.
 */
const measurableMs = 0.2;

/**
 * Returns the processor time that this process spends in `work`, in milliseconds. Other load on the
 * machine does not count.
 */
export const cpuMsOf = (work: () => unknown): number => {
  const began = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1_000;
};

/**
 * Returns the time of `work` for an input of `4 * size`, divided by its time for `size`: about 4 if
 * it is linear, 16 or more if it is quadratic. The fastest of several runs counts.
 */
export const growthOf = <Input>(
  make: (size: number) => Input,
  work: (input: Input) => unknown,
  size: number,
): number => {
  const [small, large] = [make(size), make(4 * size)];
  const times = Array.from({ length: rounds }, () => [
    cpuMsOf(() => work(small)),
    cpuMsOf(() => work(large)),
  ]);
  const least = (at: 0 | 1) =>
    Math.max(measurableMs, Math.min(...times.map((pair) => pair[at] ?? 0)));
  return least(1) / least(0);
};

/** A limit between linear and quadratic growth. */
export const linearGrowthMax = 10;
