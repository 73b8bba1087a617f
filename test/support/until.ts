import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Less than the time limit of a test (jest.config.js), so that a test that waits in vain can still
 * say what it waited for.
 */
export const patienceMs = 240_000;

/**
 * Calls `see` again and again, less often the longer it takes. Returns the first value for which
 * `isRight` returns true or, if the time is up, the last value.
 */
const look = async <Seen>(
  see: () => Seen | Promise<Seen>,
  isRight: (seen: Seen) => boolean,
  withinMs: number,
): Promise<{ readonly seen: Seen; readonly isInTime: boolean }> => {
  for (const began = performance.now(); ; ) {
    const seen = await see();
    const waitedMs = performance.now() - began;
    if (isRight(seen)) return { seen, isInTime: true };
    if (waitedMs > withinMs) return { seen, isInTime: false };
    await sleep(Math.min(100, 2 + waitedMs / 20));
  }
};

/** Waits for a condition. After `withinMs`, throws an error that contains the condition. */
export const until = async (
  condition: () => boolean | Promise<boolean>,
  withinMs = patienceMs,
): Promise<void> => {
  const { isInTime } = await look(condition, (isSo) => isSo, withinMs);
  if (!isInTime) throw new Error(`not within ${withinMs} ms: ${condition}`);
};

/**
 * Waits for a value that is right, and returns it. After `withinMs`, throws an error that contains
 * the last value.
 */
export const untilSeen = async <Seen>(
  see: () => Seen | Promise<Seen>,
  isRight: (seen: Seen) => boolean,
  withinMs = patienceMs,
): Promise<Seen> => {
  const { seen, isInTime } = await look(see, isRight, withinMs);
  if (!isInTime) throw new Error(`not within ${withinMs} ms: ${JSON.stringify(seen)}`);
  return seen;
};
