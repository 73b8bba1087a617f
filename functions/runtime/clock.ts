import type { Clock } from '../vault/ports.ts';

/** The clock and the random numbers of the machine. */
export const machineClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  // Times of a request have fractions of a millisecond, but a timer takes whole milliseconds.
  signalAfter: (ms) => AbortSignal.timeout(Math.ceil(ms)),
  random: () => Math.random(),
};
