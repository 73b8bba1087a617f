/**
 * Simulated time, which advances only when everybody waits for it. The seed decides everything in a run; the machine's
 * own clock plays no part, and hours pass in milliseconds.
 */
import type { Clock } from '../../../functions/vault/request.ts';
import { aborted, type Pause } from '../adversary/fates.ts';
import type { Random } from '../adversary/random.ts';
import { startOfTime } from '../virtual-clock.ts';

export type World = {
  readonly elapsed: () => number;
  /** Numbers events in order: an event with a lower number came first. */
  readonly next: () => number;
  readonly pause: Pause;
  /** A clock that differs from the world's by `skew` milliseconds, which may change. */
  readonly clock: (skew: () => number) => Clock;
  /** Advances time until all of this work is done. */
  readonly run: (work: readonly Promise<unknown>[]) => Promise<void>;
};

type Timer = { readonly at: number; readonly fire: () => void };

/** Longer than any request. A run that gets here waits for something that never comes. */
const endOfTimeMs = 3_600_000;

export const createWorld = (random: Random): World => {
  const timers: Timer[] = [];
  let elapsed = 0;
  let events = 0;

  const after = (ms: number, fire: () => void): (() => void) => {
    const timer = { at: elapsed + ms, fire };
    let index = timers.length;
    while (index > 0 && (timers[index - 1]?.at ?? 0) > timer.at) index -= 1;
    timers.splice(index, 0, timer);
    return () => {
      const pending = timers.indexOf(timer);
      if (pending >= 0) timers.splice(pending, 1);
    };
  };
  const pause: Pause = (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) reject(aborted());
      signal?.addEventListener('abort', () => reject(aborted()));
      after(ms, () => resolve());
    });
  /** Work that needs no time is done after one turn of the event loop. */
  const settle = async (): Promise<void> => {
    for (let round = 0; round < 2; round += 1) await new Promise(setImmediate);
  };

  return {
    elapsed: () => elapsed,
    next: () => {
      events += 1;
      return events;
    },
    pause,
    clock: (skew) => ({
      now: () => Math.floor(startOfTime + elapsed + skew()),
      elapsed: () => elapsed,
      sleep: (ms) => pause(ms),
      after,
      random,
    }),
    run: async (work) => {
      let isDone = false;
      const all = Promise.all(work).finally(() => {
        isDone = true;
      });
      for (await settle(); !isDone; await settle()) {
        const timer = timers.shift();
        if (!timer || timer.at > endOfTimeMs) throw new Error('the simulation stands still');
        elapsed = Math.max(elapsed, timer.at);
        timer.fire();
      }
      await all;
    },
  };
};
