/** Measures how long a request spends in one kind of work. Overlapping parts count once. */
export type Stopwatch = {
  /** Measures `work`, and passes on its result or error. */
  readonly during: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /** The measured milliseconds so far, including running work. */
  readonly ms: () => number;
};

/** `elapsed` is a monotonic clock in milliseconds. */
export const createStopwatch = (elapsed: () => number): Stopwatch => {
  let parts = 0;
  let since = 0;
  let sum = 0;
  return {
    during: async (work) => {
      if (parts === 0) since = elapsed();
      parts += 1;
      try {
        return await work();
      } finally {
        parts -= 1;
        if (parts === 0) sum += elapsed() - since;
      }
    },
    ms: () => (parts > 0 ? sum + elapsed() - since : sum),
  };
};
