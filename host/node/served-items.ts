/**
 * The items of a node for its callers. All access is refused while the node does not serve, and
 * writes are refused while space is short.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Item } from '../../functions/store/items.ts';
import type { ItemsOf } from '../../functions/store/ports.ts';
import type { EtcdClient } from '../etcd/etcd-client.ts';
import { createEtcdItems } from '../etcd/etcd-items.ts';
import type { Etcd } from '../etcd/group-commit.ts';
import { readPages } from '../etcd/snapshot.ts';
import { putTable } from '../etcd/stored-items.ts';
import { nodeTimes } from './node-times.ts';
import { createShortage, type ShortageOptions } from './space.ts';
import type { NodeState } from './state.ts';

/** Creates the access to the items in this etcd for the node's callers. */
export const createServedItems = (
  etcd: Etcd,
  state: Pick<NodeState, 'admit'>,
  shortage: ShortageOptions,
): ItemsOf => {
  const findShortage = createShortage(shortage);
  return createEtcdItems(
    etcd,
    async (kind) => (await state.admit()) ?? (kind === 'write' ? findShortage() : undefined),
  );
};

/**
 * Yields all items; each page shows the state when it is read. Throws the reason if the node does
 * not serve when the first page is requested.
 */
export async function* servedPages(
  etcd: Pick<EtcdClient, 'range'>,
  state: Pick<NodeState, 'admit'>,
): AsyncGenerator<readonly Item[]> {
  const closed = await state.admit();
  if (closed !== undefined) throw new Error(closed);
  yield* readPages(etcd.range, {});
}

/**
 * Stores the description of the table, which nodes of 1.0.0 need, if it is missing. Never resolves
 * if the signal aborts first.
 */
export const untilTable = async (etcd: EtcdClient, signal: AbortSignal): Promise<void> => {
  for (;;) {
    const isThere = putTable(etcd, performance.now() + nodeTimes.etcdCallMs).then(
      () => true,
      () => false,
    );
    if (signal.aborted) return await new Promise(() => undefined);
    if (await isThere) return;
    await sleep(nodeTimes.lookEveryMs, undefined, { ref: false });
  }
};
