/**
 * The lock that lets one node at a time defragment its member: a key in etcd, which holds the number of the node. A
 * change of leader does not touch it.
 */
import type { Compare, EtcdClient, Operation } from '../etcd/client.ts';

export type DefragmentationLock = {
  /** Whether this node holds the lock now. If the call rejects, the node may hold it. */
  readonly acquire: () => Promise<boolean>;
  /** Gives the lock up if this node holds it, from an earlier process too. */
  readonly release: () => Promise<void>;
};

const key = Buffer.from('node/defragmentation');
const withinMs = 5_000;

const isAt = (mod_revision: string): Compare => ({
  target: 'MOD',
  result: 'EQUAL',
  key,
  mod_revision,
});

export const createDefragmentationLock = (
  etcd: Pick<EtcdClient, 'range' | 'txn'>,
  node: number,
): DefragmentationLock => ({
  acquire: async () => {
    const put: Operation = { request_put: { key, value: Buffer.from(String(node)) } };
    const txn = { compare: [isAt('0')], success: [put], failure: [] };
    return (await etcd.txn(txn, performance.now() + withinMs)).succeeded;
  },
  release: async () => {
    const deadline = performance.now() + withinMs;
    const [holder] = (await etcd.range({ key }, deadline)).kvs;
    if (holder === undefined || holder.value.toString() !== String(node)) return;
    const success = [{ request_delete_range: { key } }];
    await etcd.txn({ compare: [isAt(holder.mod_revision)], success, failure: [] }, deadline);
  },
});
