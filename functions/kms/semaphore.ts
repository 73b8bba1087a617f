/**
 * A semaphore for calls to the master key, which limits the concurrent calls of one process. Without it, too many
 * requests would spend the time of each call on waiting for sockets and the processor, and none would finish. A released
 * permit goes to the oldest request that may still make calls, so that requests finish one after another.
 */
import { times } from '../model/limits.ts';
import type { RequestContext } from '../vault/ports.ts';

export type Semaphore = {
  /** Resolves to true with a permit, or to false when the time for new calls of the request is over. */
  readonly acquire: (context: RequestContext) => Promise<boolean>;
  /** Must be called once for each permit. */
  readonly release: () => void;
};

type Waiting = { readonly context: RequestContext; readonly end: (isAcquired: boolean) => void };

export const createSemaphore = (count: number): Semaphore => {
  const waiting = new Set<Waiting>();
  let free = count;
  const older = (a: Waiting, b: Waiting) => (b.context.elapsed() > a.context.elapsed() ? b : a);
  const oldest = (): Waiting | undefined => {
    const [first, ...others] = waiting;
    return first && others.reduce(older, first);
  };
  const leftMs = ({ elapsed }: RequestContext) => times.kmsCallsUntilMs - elapsed();

  return {
    acquire: (context) => {
      const left = leftMs(context);
      if (left <= 0) return Promise.resolve(false);
      if (free > 0) {
        free -= 1;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const one: Waiting = {
          context,
          end: (isAcquired) => {
            waiting.delete(one);
            resolve(isAcquired);
          },
        };
        waiting.add(one);
        context.clock.signalAfter(left).addEventListener('abort', () => one.end(false));
      });
    },
    release: () => {
      for (let next = oldest(); next !== undefined; next = oldest()) {
        const isInTime = leftMs(next.context) > 0;
        next.end(isInTime);
        if (isInTime) return;
      }
      free += 1;
    },
  };
};
