/**
 * A clock that stands still until `advance` moves it. A sleep advances the clock at once and resolves, so a loop of
 * waits runs without delay, and fails if nothing ends it. Concurrent sleeps add up.
 */
import type { Clock } from '../../functions/vault/request.ts';

export type VirtualClock = Clock & {
  /** Advances time: both clocks move, and what is due is done. */
  readonly advance: (ms: number) => void;
  /** Sets the wall clock, which durations do not notice. */
  readonly jump: (ms: number) => void;
  /** The total time slept so far. */
  readonly sleeps: readonly number[];
  /** The times of all timers so far, of cancelled ones too. */
  readonly timers: readonly number[];
  /** The number of timers that are neither due nor cancelled. */
  readonly running: () => number;
};

export const startOfTime = Date.parse('2026-11-24T14:30:48.123Z');

/** `random` decides the jitter; it is one half by default. */
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
