import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for a condition. Throws after `withinMs`, and says what it waited for. */
export const until = async (
  condition: () => boolean | Promise<boolean>,
  withinMs = 10_000,
): Promise<void> => {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${condition}`);
    await sleep(2);
  }
};
