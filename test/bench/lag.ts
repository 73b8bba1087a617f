/**
 * The replication lag: how long after a write was acknowledged at one node another node's own store has it. The stores
 * are asked themselves, so that no read barrier waits for what is measured; one write at a time is watched, so the
 * stores answer a few reads more for each that is, and nothing else is asked of the nodes.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { headSortKey, secretPartition } from '../../functions/dynamodb/table.ts';
import { createStoreClient, type StoreClient } from '../../local/replica/store.ts';
import type { Perform } from './described.ts';
import { runPaced } from './load.ts';
import { newPrefix, newSecret } from './operations.ts';
import type { Served } from './processes.ts';
import { percentile, timesOf } from './statistics.ts';

export type Lag = {
  /** Creates a second that were asked for, and that there were. */
  readonly asked: number;
  readonly perSecond: number;
  /** Upper bounds: when the store was seen to have the write. */
  readonly samples: number;
  readonly p50: number;
  readonly p99: number;
};

const seenLimitMs = 10_000;

/** A client of each node's own store, of node 1 first. */
const storesOf = (processes: readonly Served[]): readonly StoreClient[] =>
  processes
    .filter(({ kind }) => kind === 'store')
    .map(({ pid }) => {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      const [, host, port] = /--host\0([\d.]+)\0--port\0(\d+)/.exec(command) ?? [];
      return { folder: basename(readlinkSync(`/proc/${pid}/cwd`)), url: `http://${host}:${port}` };
    })
    .sort((a, b) => (a.folder < b.folder ? -1 : 1))
    .map(({ url }) => createStoreClient(() => url));

/** When the store has the secret. */
const untilSeen = async (store: StoreClient, tenant: string, name: string): Promise<number> => {
  const Key = { pk: { S: secretPartition(tenant, name) }, sk: { S: headSortKey } };
  const until = performance.now() + seenLimitMs;
  while (performance.now() < until) {
    const { body } = await store.call('GetItem', { TableName: 'vault', Key });
    if (body['Item'] !== undefined) return performance.now();
    await sleep(1);
  }
  throw new Error(`a store has not seen ${name} within ${seenLimitMs / 1000} s`);
};

export const measureLag = async (options: {
  readonly perform: Perform;
  readonly processes: readonly Served[];
  readonly tenant: string;
  readonly clients: number;
  readonly perSecond: number;
  readonly forMs: number;
}): Promise<Lag> => {
  const { perform, processes, tenant, clients, perSecond, forMs } = options;
  const stores = storesOf(processes);
  const prefix = newPrefix('L');
  const lags: number[] = [];
  let count = 0;
  let watching: Promise<void> | undefined;

  const watch = async (writer: number, name: string, at: number): Promise<void> => {
    const others = stores.filter((_, node) => node !== writer);
    const seen = await Promise.all(others.map((store) => untilSeen(store, tenant, name)));
    lags.push(...seen.map((time) => time - at));
    watching = undefined;
  };
  const write = async (client: number): Promise<void> => {
    count += 1;
    const name = `${prefix}_${count}`;
    await perform(client, 'create', newSecret(name));
    watching ??= watch(client % stores.length, name, performance.now());
  };
  const slice = await runPaced(write, clients, perSecond, forMs);
  await watching;
  for (const store of stores) store.close();
  lags.sort((a, b) => a - b);
  return {
    asked: perSecond,
    perSecond: timesOf(slice).perSecond,
    samples: lags.length,
    p50: percentile(lags, 0.5),
    p99: percentile(lags, 0.99),
  };
};
