import type { Clock } from '../vault/ports.ts';

/** Time and chance as the machine has them. */
export const machineClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  // Times of a request are fractions of a millisecond; a timer takes whole ones.
  signalAfter: (ms) => AbortSignal.timeout(Math.ceil(ms)),
  random: () => Math.random(),
};
