/** The time and the random numbers of the machine, as requests get them. */
import { randomBytes } from 'node:crypto';
import { limits } from '../model/limits.ts';
import type { Clock } from '../vault/request.ts';

/** The clock and the random numbers of the machine. */
export const machineClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  // Times of a request have fractions of a millisecond, but a timer takes whole milliseconds.
  signalAfter: (ms) => AbortSignal.timeout(Math.ceil(ms)),
  random: () => Math.random(),
};

export const newWriteId = (): string => randomBytes(limits.writeIdBytes).toString('base64url');
