/** The machine's time and random numbers, as requests get them. */
import { randomBytes } from 'node:crypto';
import { limits } from '../model/limits.ts';
import type { Clock } from '../vault/request.ts';

export const machineClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  after: (ms, act) => {
    // A pending time limit must not keep the process alive.
    const timer = setTimeout(act, ms).unref();
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

export const newWriteId = (): string => randomBytes(limits.writeIdBytes).toString('base64url');

/** Returns a new id for a run, which is all the lines that a vault writes in one process. */
export const newRunId = (): string => randomBytes(limits.runIdBytes).toString('base64url');
