/**
 * Copies of the items that this process read or wrote most recently, each with the etcd revision
 * that stored it. A copy saves a write the call that would read the item first. Nothing relies on
 * it: a write compares the revision, and is never refused because of a copy.
 */
import type { Item } from '../../functions/store/items.ts';

/** An item in etcd and the revision that stored it. If there is no item, the revision is `0`. */
export type ItemCopy = {
  readonly item: Item | undefined;
  readonly revision: string;
  readonly bytes: number;
};

export const absent: ItemCopy = { item: undefined, revision: '0', bytes: 0 };

export type ItemCopies = {
  readonly find: (key: string) => ItemCopy | undefined;
  readonly keep: (key: string, copy: ItemCopy) => void;
};

/**
 * The maximum size of all copies together: enough for about ninety of the largest items, or many
 * thousands of typical ones.
 */
const bytesMax = 8 * 1_048_576;

export const createItemCopies = (): ItemCopies => {
  /** The copies by key, the oldest first. */
  const copies = new Map<string, ItemCopy>();
  let bytes = 0;
  const drop = (key: string): void => {
    const before = copies.get(key);
    if (before === undefined) return;
    copies.delete(key);
    bytes -= weight(key, before);
  };
  return {
    find: (key) => copies.get(key),
    keep: (key, copy) => {
      drop(key);
      if (copy.item === undefined) return;
      copies.set(key, copy);
      bytes += weight(key, copy);
      for (const oldest of copies.keys()) {
        if (bytes <= bytesMax) break;
        drop(oldest);
      }
    },
  };
};

const weight = (key: string, { bytes }: ItemCopy): number => key.length + bytes + 256;
