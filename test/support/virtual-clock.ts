/**
 * A clock that stands still until it is told to go on. A sleep moves it at once and resolves, so a
 * loop of waits runs through its whole time table in no time; sleeps of several loops at once add up.
 */
import type { Clock } from '../../functions/vault/ports.ts';

export type VirtualClock = Clock & {
  /** Time goes by: both clocks move, and signals that are due abort. */
  readonly advance: (ms: number) => void;
  /** The wall clock jumps, as when it is set; durations do not notice. */
  readonly jump: (ms: number) => void;
  /** What was slept so far. */
  readonly sleeps: readonly number[];
  /** The limits of all signals so far. */
  readonly signals: readonly number[];
};

export const startOfTime = Date.parse('2026-11-24T14:30:48.123Z');

/** `random` is what the jitter draws, by default one half. */
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
