/** The death of a process as its services see it: from one call on, it stays silent. */
import type { Exchange } from './wire.ts';

export type Crash = {
  readonly exchange: Exchange;
  /** Resolves once the process is dead and its sent calls have ended. */
  readonly happened: Promise<void>;
};

/** Dies at the call numbered `index`, from 0: before it is sent, or after it was applied. */
export const crashAt = (forward: Exchange, index: number, when: 'before' | 'after'): Crash => {
  const { promise: happened, resolve } = Promise.withResolvers<void>();
  const underWay = new Set<Promise<unknown>>();
  const forever = new Promise<never>(() => {});
  let calls = 0;
  let dead = false;
  const die = (): Promise<never> => {
    dead = true;
    void Promise.allSettled(underWay).then(() => resolve());
    return forever;
  };
  return {
    happened,
    exchange: async (call, signal) => {
      const own = calls;
      calls += 1;
      if (dead) return await forever;
      if (own === index && when === 'before') return await die();
      const sent = forward(call, signal);
      underWay.add(sent);
      const reply = await sent;
      if (own === index) return await die();
      return dead ? await forever : reply;
    },
  };
};
