/** How the time of a piece of work grows with its input, for work that must not grow faster than the input. */

const rounds = 15;
/** Below this the clock and the garbage collector are most of what is measured. */
const measurableMs = 0.2;

const timeOf = (work: () => unknown): number => {
  const began = performance.now();
  work();
  return performance.now() - began;
};

/**
 * How many times longer `work` takes for the input of `4 * size` than for the input of `size`: about 4 if it is linear,
 * 16 and more if it is quadratic. The quickest of several runs counts, so that other load does not.
 */
export const growthOf = <Input>(
  make: (size: number) => Input,
  work: (input: Input) => unknown,
  size: number,
): number => {
  const [small, large] = [make(size), make(4 * size)];
  const times = Array.from({ length: rounds }, () => [
    timeOf(() => work(small)),
    timeOf(() => work(large)),
  ]);
  const least = (at: 0 | 1) =>
    Math.max(measurableMs, Math.min(...times.map((pair) => pair[at] ?? 0)));
  return least(1) / least(0);
};

/** Between linear and quadratic. */
export const linearGrowthMax = 10;
