import type { Clock } from '../vault/request.ts';

/** How often the waits are checked. A wait may exceed its limit by this much. */
const checkEveryMs = 1_000;

type Wait = { readonly since: number; readonly end: () => void };

/**
 * Returns a function that waits for a result, and rejects if that takes longer than `limitMs`. One
 * timer serves all waits, and none runs while nobody waits.
 */
export const createTimeLimit = (
  clock: Pick<Clock, 'elapsed' | 'after'>,
  limitMs: number,
): (<Result>(result: Promise<Result>) => Promise<Result>) => {
  // The oldest wait is the first.
  const waits = new Set<Wait>();
  let isChecking = false;
  const checkLater = (): void => {
    isChecking = waits.size > 0;
    if (isChecking) clock.after(checkEveryMs, check);
  };
  const check = (): void => {
    const now = clock.elapsed();
    for (const wait of waits) {
      if (now - wait.since < limitMs) break;
      waits.delete(wait);
      wait.end();
    }
    checkLater();
  };
  return (result) =>
    new Promise((resolve, reject) => {
      const end = () => reject(new Error('the time limit has passed'));
      const wait: Wait = { since: clock.elapsed(), end };
      waits.add(wait);
      result.then(resolve, reject).finally(() => waits.delete(wait));
      if (!isChecking) checkLater();
    });
};
