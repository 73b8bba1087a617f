/**
 * Slots for calls to the master key: so many at once in one process. Requests that ask for more than it can do would
 * otherwise spend the time of each call on waiting for sockets and for the processor, and end with nothing done. A slot
 * that is given back goes to the oldest request, so that one after the other is finished.
 */
import { times } from '../model/limits.ts';
import type { RequestContext } from '../vault/ports.ts';

export type Slots = {
  /** Resolves to whether a slot was had; false, when the time for new calls of the request is over. */
  readonly take: (context: RequestContext) => Promise<boolean>;
  /** To be called once for each slot that was had. */
  readonly giveBack: () => void;
};

type Waiting = { readonly context: RequestContext; readonly end: (isTaken: boolean) => void };

export const createSlots = (count: number): Slots => {
  const waiting = new Set<Waiting>();
  let free = count;
  const older = (a: Waiting, b: Waiting) => (b.context.elapsed() > a.context.elapsed() ? b : a);

  return {
    take: (context) => {
      const left = times.kmsCallsUntilMs - context.elapsed();
      if (left <= 0) return Promise.resolve(false);
      if (free > 0) {
        free -= 1;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const one: Waiting = {
          context,
          end: (isTaken) => {
            waiting.delete(one);
            resolve(isTaken);
          },
        };
        waiting.add(one);
        context.clock.signalAfter(left).addEventListener('abort', () => one.end(false));
      });
    },
    giveBack: () => {
      const [first, ...others] = waiting;
      if (first === undefined) free += 1;
      else others.reduce(older, first).end(true);
    },
  };
};
