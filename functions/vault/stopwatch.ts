/** Measures how long work of one kind is under way in a request, whether its parts overlap or not. */
export type Stopwatch = {
  /** Runs while `work` does; passes on what `work` resolves to or throws. */
  readonly during: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /** Milliseconds so far. Parts that overlap count once. */
  readonly ms: () => number;
};

/** `elapsed` is a clock in milliseconds that never goes back. */
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
