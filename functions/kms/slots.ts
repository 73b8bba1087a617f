/**
 * Slots for calls to the master key: so many at once in one process. Requests that ask for more than it can do would
 * otherwise spend the time of each call on waiting for sockets and for the processor, and end with nothing done. A slot
 * that is given back goes to the oldest request that may still make calls, so that one after the other is finished.
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
  const oldest = (): Waiting | undefined => {
    const [first, ...others] = waiting;
    return first && others.reduce(older, first);
  };
  const leftMs = ({ elapsed }: RequestContext) => times.kmsCallsUntilMs - elapsed();

  return {
    take: (context) => {
      const left = leftMs(context);
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
      for (let next = oldest(); next !== undefined; next = oldest()) {
        const isInTime = leftMs(next.context) > 0;
        next.end(isInTime);
        if (isInTime) return;
      }
      free += 1;
    },
  };
};
