import { times } from '../model/limits.ts';
import type { Clock } from './request.ts';

/**
 * Makes a probe that all callers share: it runs at most once a second, and a later call in that second gets the same
 * result. So nobody can overload a service by asking how it is.
 */
export const createSharedProbe = <Asked extends readonly unknown[], Result>(
  clock: Pick<Clock, 'elapsed'>,
  probe: (...asked: Asked) => Promise<Result>,
): ((...asked: Asked) => Promise<Result>) => {
  let madeAt = Number.NEGATIVE_INFINITY;
  let latest: Promise<Result> | undefined;
  return (...asked) => {
    if (latest === undefined || clock.elapsed() - madeAt >= times.probeEveryMs) {
      madeAt = clock.elapsed();
      latest = probe(...asked);
    }
    return latest;
  };
};
