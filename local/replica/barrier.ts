/**
 * Read barriers: after one, a node's own store holds every write that was acknowledged, anywhere, before the read
 * arrived. Reads share them: the next is sent when the one under way returns.
 */

/** Resolves when the store has applied all that the log held at some moment after the call. */
export type Barrier = () => Promise<void>;

/**
 * `findEnd` asks the log for its last revision, `untilApplied` waits for the applier. A read never uses a barrier that
 * was sent before it arrived: a write may have been acknowledged in between.
 */
export const createBarrier = (
  findEnd: () => Promise<number>,
  untilApplied: (revision: number) => Promise<void>,
): Barrier => {
  let underWay: Promise<unknown> | undefined;
  let next: Promise<void> | undefined;

  const sendOne = (): Promise<void> => {
    next = undefined;
    const end = findEnd();
    underWay = end
      .catch(() => undefined)
      .then(() => {
        underWay = undefined;
      });
    return end.then(untilApplied);
  };
  return () => {
    if (underWay === undefined) return sendOne();
    next ??= underWay.then(sendOne);
    return next;
  };
};
