/**
 * The items of a node for its callers. All access is refused while the node does not serve, and
 * writes are refused while space is short.
 */
import type { ItemsOf } from '../../functions/store/ports.ts';
import { createEtcdItems } from '../etcd/etcd-items.ts';
import type { Etcd } from '../etcd/group-commit.ts';
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
