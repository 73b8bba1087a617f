import type { Clock } from '../vault/ports.ts';

/** Time and chance as the machine has them. */
export const machineClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  signalAfter: (ms) => AbortSignal.timeout(ms),
  random: () => Math.random(),
};
