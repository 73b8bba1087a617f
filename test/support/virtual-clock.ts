/**
 * A clock that stands still until told to advance. A sleep advances it at once and resolves, so a loop of waits runs
 * without delay. Concurrent sleeps add up.
 */
import type { Clock } from '../../functions/vault/request.ts';

export type VirtualClock = Clock & {
  /** Advances time: both clocks move, and due signals abort. */
  readonly advance: (ms: number) => void;
  /** Sets the wall clock, which durations do not notice. */
  readonly jump: (ms: number) => void;
  /** The total time slept so far. */
  readonly sleeps: readonly number[];
  /** The limits of all signals so far. */
  readonly signals: readonly number[];
};

export const startOfTime = Date.parse('2026-11-24T14:30:48.123Z');

/** `random` decides the jitter; it is one half by default. */
export const virtualClock = (random: () => number = () => 0.5): VirtualClock => {
  let elapsed = 0;
  let wall = startOfTime;
  const sleeps: number[] = [];
  const signals: number[] = [];
  const pending = new Set<{ readonly at: number; readonly controller: AbortController }>();

  const advance = (ms: number) => {
    elapsed += ms;
    wall += ms;
    for (const signal of pending) {
      if (signal.at > elapsed) continue;
      pending.delete(signal);
      signal.controller.abort(new DOMException('time is over', 'TimeoutError'));
    }
  };
  return {
    now: () => Math.floor(wall),
    elapsed: () => elapsed,
    random,
    sleep: async (ms) => {
      sleeps.push(ms);
      advance(ms);
    },
    signalAfter: (ms) => {
      const controller = new AbortController();
      signals.push(ms);
      pending.add({ at: elapsed + ms, controller });
      return controller.signal;
    },
    advance,
    jump: (ms) => {
      wall += ms;
    },
    sleeps,
    signals,
  };
};
