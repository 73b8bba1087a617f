import { setTimeout as sleep } from 'node:timers/promises';

/** Looks again and again, more seldom the longer it takes. Returns the first value that is right, or the last one. */
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

/** Most of the time limit of the suite (jest.config.js), so that a test that waits in vain can still say for what. */
const patienceMs = 0.9 * ((globalThis as { readonly timeLimitMs?: number }).timeLimitMs ?? 60_000);

/** Waits for a condition. Throws after `withinMs`, and says what it waited for. */
export const until = async (
  condition: () => boolean | Promise<boolean>,
  withinMs = patienceMs,
): Promise<void> => {
  const { isInTime } = await look(condition, (isSo) => isSo, withinMs);
  if (!isInTime) throw new Error(`not within ${withinMs} ms: ${condition}`);
};

/** Waits for a value that is right, and returns it. Throws the last value if none is right within `withinMs`. */
export const untilSeen = async <Seen>(
  see: () => Seen | Promise<Seen>,
  isRight: (seen: Seen) => boolean,
  withinMs = 45_000,
): Promise<Seen> => {
  const { seen, isInTime } = await look(see, isRight, withinMs);
  if (!isInTime) throw new Error(`not within ${withinMs} ms: ${JSON.stringify(seen)}`);
  return seen;
};
