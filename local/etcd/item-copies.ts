/**
 * Copies of the items that this process saw last, each with the revision of etcd that stored it. A copy saves a write
 * the call that would read the item first. It proves nothing: a write compares the revision, and a refusal is never
 * given from a copy.
 */
import type { Item } from './protocol.ts';

/** An item as etcd holds it, and the revision that stored it; `0` if there is none. */
export type Seen = {
  readonly item: Item | undefined;
  readonly revision: string;
  readonly bytes: number;
};

export const absent: Seen = { item: undefined, revision: '0', bytes: 0 };

export type SeenItems = {
  readonly find: (key: string) => Seen | undefined;
  readonly keep: (key: string, seen: Seen) => void;
};

/** Some hundred of the largest items of the vault, many thousand of its usual ones. */
const bytesMax = 8 * 1_048_576;

export const createSeenItems = (): SeenItems => {
  const kept = new Map<string, Seen>();
  let bytes = 0;
  const drop = (key: string): void => {
    const before = kept.get(key);
    if (before === undefined) return;
    kept.delete(key);
    bytes -= weight(key, before);
  };
  return {
    find: (key) => kept.get(key),
    keep: (key, seen) => {
      drop(key);
      if (seen.item === undefined) return;
      kept.set(key, seen);
      bytes += weight(key, seen);
      for (const oldest of kept.keys()) {
        if (bytes <= bytesMax) break;
        drop(oldest);
      }
    },
  };
};

const weight = (key: string, { bytes }: Seen): number => key.length + bytes + 256;
