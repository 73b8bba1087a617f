/** Waits for conditions to come true, never for a fixed time. */
import { setTimeout as sleep } from 'node:timers/promises';

const pollMs = 50;

/** Returns whether the condition comes true within the limit. The condition may throw, which counts as not yet true. */
export const becomesTrue = async (
  limitMs: number,
  condition: () => Promise<boolean> | boolean,
): Promise<boolean> => {
  const until = performance.now() + limitMs;
  for (;;) {
    const isTrue = await Promise.resolve()
      .then(condition)
      .catch(() => false);
    if (isTrue || performance.now() > until) return isTrue;
    await sleep(pollMs);
  }
};

/** The numbers from 1 to `count`. */
export const countTo = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => index + 1);
