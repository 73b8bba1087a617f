/** Measures the processor time of work, and how it grows with its input, for work that must be linear. */

const rounds = 15;
/** Below this time the clock and the garbage collector dominate the measurement. */
const measurableMs = 0.2;

/** The processor time of this process in `work`, in milliseconds, without other load on the machine. */
export const cpuMsOf = (work: () => unknown): number => {
  const began = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1_000;
};

/**
 * The time of `work` for the input of `4 * size`, divided by its time for the input of `size`: about 4 if it is linear,
 * 16 and more if it is quadratic. The fastest of several runs counts.
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
