/**
 * Reads and conditional writes of items, as calls to etcd.
 *
 * A write is one etcd transaction. It compares the revision of every item that the write puts,
 * deletes or checks with the revision on which the decision was based. If all are equal, etcd
 * changes the items with their index and expiry entries. If not, the reply contains what is stored,
 * and the decision is made again from that. So only etcd decides about existence and versions, and
 * everything that a refusal shows comes from one snapshot.
 */
import type { Item, ItemKey } from '../../functions/store/items.ts';
import { hasRevision, type RangeReply } from './etcd-client.ts';
import type { Etcd } from './group-commit.ts';
import { absent, createItemCopies, type ItemCopy } from './item-copies.ts';
import { changesOf, itemKey, parseItem, textOf } from './stored-items.ts';

/**
 * One part of a write: the key of an item, a check of what is stored there, and what to do with the
 * item if the check holds.
 */
export type ItemWrite = {
  readonly key: ItemKey;
  readonly isExpected: (stored: Item | undefined) => boolean;
  readonly change: { readonly put: Item } | 'delete' | 'none';
};

export type GuardedWrites = {
  /** Returns the items at `keys` as of one revision that is not older than the call. */
  readonly read: (keys: readonly ItemKey[], deadline: number) => Promise<readonly ItemCopy[]>;
  /** Makes all changes or none. Their keys must differ. Rejects like a write of `Etcd`. */
  readonly write: (writes: readonly ItemWrite[], deadline: number) => Promise<Outcome>;
};

type Outcome =
  | { readonly outcome: 'written'; readonly bytes: number }
  /** What was found at each key, as of one revision. */
  | { readonly outcome: 'refused'; readonly found: readonly ItemCopy[] };

const storedIn = (reply: RangeReply | undefined): ItemCopy => {
  const found = reply?.kvs[0];
  if (found === undefined) return absent;
  const { value, mod_revision: revision } = found;
  return { item: parseItem(value), revision, bytes: value.length };
};

export const createGuardedWrites = (etcd: Etcd): GuardedWrites => {
  const copies = createItemCopies();

  const keep = (
    keys: readonly Buffer[],
    replies: readonly (RangeReply | undefined)[],
  ): readonly ItemCopy[] =>
    keys.map((key, index) => {
      const stored = storedIn(replies[index]);
      copies.keep(key.toString('latin1'), stored);
      return stored;
    });

  const readAt = async (keys: readonly Buffer[], deadline: number) => {
    const replies = await etcd.read(
      keys.map((key) => ({ key })),
      deadline,
    );
    return keep(keys, replies);
  };

  const write: GuardedWrites['write'] = async (writes, deadline) => {
    const keys = writes.map(({ key }) => itemKey(key));
    const next = writes.map(({ change }) =>
      typeof change === 'object' ? { item: change.put, text: textOf(change.put) } : undefined,
    );
    const areExpected = (basis: readonly ItemCopy[]) =>
      writes.every(({ isExpected }, index) => isExpected(basis[index]?.item));

    // The first decision is made from remembered copies, which may be out of date. So it never
    // refuses the write. It may only allow an attempt, whose compares in etcd then decide.
    let basis: readonly ItemCopy[] = keys.map(
      (key) => copies.find(key.toString('latin1')) ?? absent,
    );
    if (!areExpected(basis)) basis = await readAt(keys, deadline);
    while (areExpected(basis)) {
      const success = writes.flatMap(({ change }, index) => {
        const key = keys[index];
        if (key === undefined || change === 'none') return [];
        return changesOf(key, basis[index]?.item, next[index]);
      });
      const reply = await etcd.write(
        {
          compare: keys.map((key, index) => hasRevision(key, (basis[index] ?? absent).revision)),
          success,
          failure: keys.map((key) => ({ request_range: { key } })),
        },
        deadline,
      );
      if (reply.succeeded) {
        for (const [index, { change }] of writes.entries()) {
          const { item, text = '' } = next[index] ?? {};
          const copy = { item, revision: reply.revision, bytes: text.length };
          if (change !== 'none') copies.keep(keys[index]?.toString('latin1') ?? '', copy);
        }
        const bytes = next.reduce((sum, one) => sum + (one?.text.length ?? 0), 0);
        return { outcome: 'written', bytes };
      }
      basis = keep(
        keys,
        reply.responses.map(({ response_range }) => response_range),
      );
    }
    return { outcome: 'refused', found: basis };
  };

  return { read: (keys, deadline) => readAt(keys.map(itemKey), deadline), write };
};
