import { type Clock, operation, type Ports, type RequestVault } from './request.ts';
import { createSharedProbe } from './shared-probe.ts';

export type Status = {
  readonly status: 'ok' | 'degraded';
  readonly store: { readonly reachable: boolean; readonly latencyMs: number };
  readonly masterKey: { readonly reachable: boolean; readonly id: string | null };
};

/**
 * Reports whether the store and the master key can be used, from a check that is at most a second
 * old. A table with replicas in other Regions is `degraded` too, because there the last writer
 * wins, which breaks every guarantee about versions.
 */
export const getStatus = (ports: Ports, clock: Pick<Clock, 'elapsed'>) =>
  operation<void, Status>(ports, createSharedProbe(clock, probe));

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
