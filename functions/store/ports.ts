/**
 * What the vault needs from a store of items: reading items, and putting several of them atomically
 * if each key holds what the write expects. The other files of this folder decide what items mean;
 * a store only moves items and checks four kinds of expectation. Implementations must pass the
 * contract tests.
 */
import type { Head } from '../model/types.ts';
import type { VersionRange } from '../vault/ports.ts';
import type { RequestContext } from '../vault/request.ts';
import type { Item, ItemKey } from './items.ts';

/** What must be stored at a key for a write to take effect. */
export type Expected =
  | { readonly is: 'absent' }
  /** The key must hold exactly this version, with this writeId and in this state. */
  | {
      readonly is: 'version';
      readonly version: number;
      readonly writeId: string;
      readonly state: string;
    }
  /** The key must hold an item with this writeId and in this state. */
  | { readonly is: 'write'; readonly writeId: string; readonly state: string }
  /** The key must hold nothing, or an item that expired before this second since the epoch. */
  | { readonly is: 'expired'; readonly second: number };

/**
 * A key, what a write expects there, and the item it puts there. Without `put`, the write only
 * checks.
 */
export type Guard = {
  readonly key: ItemKey;
  readonly expected: Expected;
  readonly put?: Item;
};

/**
 * What a store found at the key of a guard. If it cannot check all guards at the same moment, as
 * DynamoDB cannot while another write is using an item, it leaves some `unchecked`, and the write
 * has no effect.
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
   * Reads all items at one moment at which none of them is being written. A plain read may see a
   * write of several items on one item before another.
   */
  readonly settled?: boolean;
  /** Returns only these attributes, if the store can leave out the others. */
  readonly attributes?: readonly string[];
};

/** A partition of the name index: the heads of one tenant that are in one state. */
export type NamesPartition = { readonly tenant: string; readonly state: Head['state'] };

/**
 * The names that begin with `text` or, with `exact`, only the name `text` itself. `after` leaves
 * out the names up to that one, which must begin with `text`.
 */
export type NamesRange = {
  readonly text: string;
  readonly exact: boolean;
  readonly after: string | undefined;
};

/**
 * The items of the vault, as one request accesses them. Each call reports itself to the request's
 * journal and stopwatch, and keeps to the times of `model/limits.ts`. Every read except `names`
 * sees all writes that were acknowledged before it.
 */
export type Items = {
  /** The items at these keys, in the same order; `undefined` where there is none. */
  readonly get: (
    keys: readonly ItemKey[],
    options?: ReadOptions,
  ) => Promise<readonly (Item | undefined)[]>;
  /**
   * The items of a partition from sort key `from` to `to`, both included. May return fewer than
   * `limit`.
   */
  readonly range: (
    pk: string,
    range: { readonly from: string; readonly to: string } & Pick<VersionRange, 'order' | 'limit'>,
  ) => Promise<readonly Item[]>;
  /**
   * Names in ascending order, at most `limit`. May lag behind writes. `more`: further names may
   * follow.
   */
  readonly names: (
    partition: NamesPartition,
    range: NamesRange,
    limit: number,
  ) => Promise<{ readonly names: readonly string[]; readonly more: boolean }>;
  /**
   * Makes one attempt to put the items of all guards atomically, if all guards hold. Otherwise has
   * no effect and returns what was found for each guard, in the same order.
   */
  readonly write: (guards: readonly Guard[]) => Promise<'written' | readonly Judged[]>;
  /** Asks the store itself whether it answers, and whether it has replicas that accept writes. */
  readonly probe: () => Promise<{ readonly replicated: boolean }>;
};

export type ItemsOf = (context: RequestContext) => Items;

/**
 * A whole store of items, for an operator's tools: verify, inspect, backup, restore. Calls throw
 * the store's own errors.
 */
export type Table = {
  readonly itemsOf: ItemsOf;
  /**
   * All items, or those of one partition, page by page. The items of a partition follow one
   * another. SQLite shows the state of one moment; DynamoDB and etcd show each page as it is when
   * it is read.
   */
  readonly pages: (pk?: string) => AsyncGenerator<readonly Item[]>;
  readonly get: (key: ItemKey) => Promise<Item | undefined>;
  /**
   * Problems of the store itself, as sentences: replicas that accept writes, or expired items that
   * are kept.
   */
  readonly findProblems: () => Promise<readonly string[]>;
  readonly close: () => Promise<void>;
};

export type RestorableTable = Table & {
  /** Like `write` of `Items`, but outside a request and without its time limits. */
  readonly write: Items['write'];
};
