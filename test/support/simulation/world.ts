/**
 * Simulated time, which advances only when everything waits for it. The seed decides everything in
 * a run. The machine's own clock plays no part, and hours pass in milliseconds.
 */
import type { Clock } from '../../../functions/vault/request.ts';
import { aborted, type Pause } from '../adversary/fates.ts';
import type { Random } from '../adversary/random.ts';
import { startOfTime } from '../virtual-clock.ts';

export type World = {
  readonly elapsed: () => number;
  /** Returns the number of the next event. An event with a lower number happened earlier. */
  readonly next: () => number;
  readonly pause: Pause;
  /**
   * Returns a clock that differs from the world's by `skew` milliseconds, which may change at any
   * time.
   */
  readonly clock: (skew: () => number) => Clock;
  /** Advances time until all of this work is done, then resolves. */
  readonly run: (work: readonly Promise<unknown>[]) => Promise<void>;
};

type Timer = { readonly at: number; readonly fire: () => void };

/**
 * The simulated time at which a run fails. It is longer than any request, so a run that gets this
 * far is waiting for something that never comes.
 */
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
  /**
   * Lets everything finish that does not wait for time: two turns of the event loop are enough for
   * that.
   */
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
