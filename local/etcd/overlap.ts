/**
 * Whether requests to etcd overlap, as those of several clients do. The cost of a call hardly depends on the number of
 * its requests, so a request that is likely to have company waits for it a moment. A lone client never waits.
 */
const recentMs = 25;
const gatherMs = 2;

export type Overlap = {
  /** Counts a request until it settles. */
  readonly during: <Result>(request: Promise<Result>) => Promise<Result>;
  /**
   * A function that calls `send` at once, or after 2 ms if two requests were under way at once in the last 25 ms. Calls
   * meanwhile join the one that waits.
   */
  readonly gather: (send: () => void) => () => void;
};

export const createOverlap = (): Overlap => {
  let underWay = 0;
  let seenAt = Number.NEGATIVE_INFINITY;
  const note = (): void => {
    if (underWay > 1) seenAt = performance.now();
  };
  return {
    during: async (request) => {
      underWay += 1;
      note();
      try {
        return await request;
      } finally {
        note();
        underWay -= 1;
      }
    },
    gather: (send) => {
      let isWaiting = false;
      return () => {
        if (isWaiting) return;
        if (performance.now() - seenAt >= recentMs) return send();
        isWaiting = true;
        setTimeout(() => {
          isWaiting = false;
          send();
        }, gatherMs);
      };
    },
  };
};
