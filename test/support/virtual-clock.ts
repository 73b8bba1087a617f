/**
 * A clock that stands still until `advance` moves it. A sleep advances it at once, so a loop that
 * waits runs without delay; if nothing ends the loop, the clock throws. Concurrent sleeps add up.
 */
import type { Clock } from '../../functions/vault/request.ts';

export type VirtualClock = Clock & {
  /** Advances both the wall clock and the elapsed time, and calls the timers that are due. */
  readonly advance: (ms: number) => void;
  /** Moves the wall clock only. Durations are not affected. */
  readonly jump: (ms: number) => void;
  /** The length of each sleep so far. */
  readonly sleeps: readonly number[];
  /** The duration of every timer that was set so far, including cancelled ones. */
  readonly timers: readonly number[];
  /** The number of timers that were neither called nor cancelled. */
  readonly running: () => number;
};

export const startOfTime = Date.parse('2026-11-24T14:30:48.123Z');

/** `random` decides the jitter. By default it always returns one half. */
export const virtualClock = (random: () => number = () => 0.5): VirtualClock => {
  let elapsed = 0;
  let wall = startOfTime;
  const sleeps: number[] = [];
  const timers: number[] = [];
  const pending = new Set<{ readonly at: number; readonly act: () => void }>();

  const advance = (ms: number) => {
    elapsed += ms;
    wall += ms;
    for (const timer of pending) {
      if (timer.at > elapsed) continue;
      pending.delete(timer);
      timer.act();
    }
  };
  return {
    now: () => Math.floor(wall),
    elapsed: () => elapsed,
    random,
    sleep: async (ms) => {
      sleeps.push(ms);
      if (sleeps.length > 20_000) throw new Error('a loop has slept 20,000 times');
      advance(ms);
    },
    after: (ms, act) => {
      const timer = { at: elapsed + ms, act };
      timers.push(ms);
      pending.add(timer);
      return () => void pending.delete(timer);
    },
    advance,
    jump: (ms) => {
      wall += ms;
    },
    sleeps,
    timers,
    running: () => pending.size,
  };
};
