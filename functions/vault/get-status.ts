import { times } from '../model/limits.ts';
import { type Clock, operation, type Ports, type RequestVault } from './request.ts';

export type Status = {
  readonly status: 'ok' | 'degraded';
  readonly store: { readonly reachable: boolean; readonly latencyMs: number };
  readonly masterKey: { readonly reachable: boolean; readonly id: string | null };
};

/**
 * Whether the store and the master key can be used now. A table with replicas in other Regions is `degraded` too,
 * because last-writer-wins would break every promise about versions. All callers share the probes, which run at most
 * once a second, so that the page cannot be used to overload the services.
 */
export const getStatus = (ports: Ports, clock: Pick<Clock, 'elapsed'>) => {
  let madeAt = Number.NEGATIVE_INFINITY;
  let latest: Promise<Status> | undefined;
  return operation<void, Status>(ports, (vault) => {
    if (latest === undefined || clock.elapsed() - madeAt >= times.statusProbeEveryMs) {
      madeAt = clock.elapsed();
      latest = probe(vault);
    }
    return latest;
  });
};

const probe = async ({ store, dataKeys, elapsed, journal }: RequestVault): Promise<Status> => {
  const began = elapsed();
  const timed = store
    .probe()
    .then(({ replicated }) => ({ replicated, latencyMs: Math.round(elapsed() - began) }));
  const [table, masterKey] = await Promise.allSettled([timed, dataKeys.probe()]);
  const reachable = table.status === 'fulfilled';
  const replicated = reachable && table.value.replicated;
  if (replicated) journal.decided('table_replicated');
  const usable = masterKey.status === 'fulfilled';
  return {
    status: reachable && usable && !replicated ? 'ok' : 'degraded',
    store: {
      reachable,
      latencyMs: reachable ? table.value.latencyMs : Math.round(elapsed() - began),
    },
    masterKey: { reachable: usable, id: usable ? masterKey.value.masterKeyId : null },
  };
};
