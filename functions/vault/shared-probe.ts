import { times } from '../model/limits.ts';
import type { Clock } from './request.ts';

/**
 * Makes a probe that all callers share. It runs at most once a second, and calls in between get the
 * last result, so nobody can overload a service by asking for its status.
 */
export const createSharedProbe = <Parameters extends readonly unknown[], Result>(
  clock: Pick<Clock, 'elapsed'>,
  probe: (...parameters: Parameters) => Promise<Result>,
): ((...parameters: Parameters) => Promise<Result>) => {
  let madeAt = Number.NEGATIVE_INFINITY;
  let latest: Promise<Result> | undefined;
  return (...parameters) => {
    if (latest === undefined || clock.elapsed() - madeAt >= times.probeEveryMs) {
      madeAt = clock.elapsed();
      latest = probe(...parameters);
    }
    return latest;
  };
};
