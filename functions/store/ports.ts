/**
 * What the vault needs of a store of items: to read them, and to put several of them together if each key holds what
 * the write expects. The rules of the vault are in the other files of this folder, so a store only moves items and
 * judges four expectations. Implementations must pass the contract suite of the vault.
 */
import type { Head } from '../model/types.ts';
import type { VersionRange } from '../vault/ports.ts';
import type { RequestContext } from '../vault/request.ts';
import type { Item, ItemKey } from './items.ts';

/** What must be stored at a key for a write to take effect. */
export type Expected =
  | { readonly is: 'absent' }
  /** Exactly this version, in this state. */
  | {
      readonly is: 'version';
      readonly version: number;
      readonly writeId: string;
      readonly state: string;
    }
  /** What this write has put, in this state. */
  | { readonly is: 'write'; readonly writeId: string; readonly state: string }
  /** Nothing, or an item that expired before this second since the epoch. */
  | { readonly is: 'expired'; readonly second: number };

/** A key, what a write expects there, and the item that it puts there. Without `put` the write only checks. */
export type Guard = {
  readonly key: ItemKey;
  readonly expected: Expected;
  readonly put?: Item;
};

/**
 * What a store found at the key of a guard. A store that cannot check all guards of a write at one moment leaves some
 * `unchecked`, and the write has no effect.
 */
export type Judged =
  | { readonly is: 'held' }
  | { readonly is: 'unchecked' }
  | { readonly is: 'failed'; readonly item: Item | undefined };

/** The call had no effect and never will. Any other error of a call leaves its effect unclear. */
export class NotSent extends Error {
  readonly reason: 'throttled' | 'unavailable';
  constructor(reason: 'throttled' | 'unavailable', options?: ErrorOptions) {
    super(reason, options);
    this.reason = reason;
  }
}

type ReadOptions = {
  /**
   * Shows all items as of one moment at which no write of any of them is running. Otherwise, a write of several items
   * may already be visible on one and not yet on another.
   */
  readonly settled?: boolean;
  /** Returns only these attributes, where the store can leave out the others. */
  readonly attributes?: readonly string[];
};

/** A partition of the index of names, which holds the heads of one tenant that are in one state. */
export type NamesPartition = { readonly tenant: string; readonly state: Head['state'] };

/** All names that begin with `text`, or exactly that name, and that come after `after`. */
export type NamesRange = {
  readonly text: string;
  readonly exact: boolean;
  readonly after: string | undefined;
};

/**
 * The items of the vault as one request reaches them. Each call reports itself to the request's journal and stopwatch,
 * and ends by the times of `model/limits.ts`. All reads but `names` see every write that was acknowledged before them.
 */
export type Items = {
  /** The items at these keys, in their order; `undefined` where there is none. */
  readonly get: (
    keys: readonly ItemKey[],
    options?: ReadOptions,
  ) => Promise<readonly (Item | undefined)[]>;
  /** The items of a partition from sort key `from` to `to`, both included: at most `limit`, and perhaps fewer. */
  readonly range: (
    pk: string,
    range: { readonly from: string; readonly to: string } & Pick<VersionRange, 'order' | 'limit'>,
  ) => Promise<readonly Item[]>;
  /** Names in ascending order, at most `limit`, perhaps behind a write. `more`: others may follow the last one. */
  readonly names: (
    partition: NamesPartition,
    range: NamesRange,
    limit: number,
  ) => Promise<{ readonly names: readonly string[]; readonly more: boolean }>;
  /**
   * Makes one attempt to put the items of all guards together, on condition that all of them hold. Returns what was
   * found at the key of each guard, in their order, if the write has no effect because one failed or is unchecked.
   */
  readonly write: (guards: readonly Guard[]) => Promise<'written' | readonly Judged[]>;
  /** Asks the store itself whether it answers, and whether it has replicas that accept writes of their own. */
  readonly probe: () => Promise<{ readonly replicated: boolean }>;
};

/** Binds a store of items to a request. */
export type ItemsOf = (context: RequestContext) => Items;

/** A whole store of items, for the tools of an operator: verify, inspect, backup, restore. Calls throw what the store says. */
export type Table = {
  readonly itemsOf: ItemsOf;
  /**
   * All items, or those of one partition, page by page; the items of a partition come one after the other. SQLite shows
   * one moment. DynamoDB and etcd show each page as it is when it is read.
   */
  readonly pages: (pk?: string) => AsyncGenerator<readonly Item[]>;
  /** The item as it is now. */
  readonly get: (key: ItemKey) => Promise<Item | undefined>;
  /**
   * Puts items where there are none, also such as this release cannot read. Returns the keys at which another item is
   * stored; equal ones are left alone, so a call that was interrupted can be repeated. If it returns any, it may have
   * put only some of the others.
   */
  readonly putAbsent: (items: readonly Item[]) => Promise<readonly ItemKey[]>;
  /** What is wrong with the store itself, as sentences: replicas that accept writes, or expired items that are kept. */
  readonly findProblems: () => Promise<readonly string[]>;
  readonly close: () => Promise<void>;
};
