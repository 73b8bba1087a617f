/**
 * The services that the vault needs, bound to the context and the caller of one request, and what
 * they must guarantee. Every call keeps to the times of `model/limits.ts` and reports itself to the
 * request's journal. A name that is hidden from the caller must look like one that never existed,
 * and cost the same calls: it is looked up under a key that is never written. Fakes must pass the
 * contract tests.
 */
import type {
  DestroyedVersion,
  Head,
  HeadDetails,
  IdempotencyRecord,
  NewVersion,
  StoredVersion,
} from '../model/types.ts';

/**
 * The change of one secret. It takes effect only if `base` is still the head: `next` replaces it,
 * and `base` is kept as a superseded version. Without `base`, the secret must never have existed,
 * and `next` is its first version.
 */
export type Change = { readonly base: Head | undefined; readonly next: NewVersion };

/** An atomic write: all of it takes effect, or none of it. */
export type Write = {
  readonly changes: readonly Change[];
  /**
   * Versions outside `changes` that must still be stored exactly as they are given here. One that
   * is a head must still be the head.
   */
  readonly unchanged: readonly StoredVersion[];
  /**
   * The record of a keyed request. It is written only if no unexpired record exists under its key.
   */
  readonly record?: { readonly keyHash: string; readonly record: IdempotencyRecord };
};

/**
 * The outcome of one attempt to write. Everything except `refused` and `unclear` is final. `raced`
 * means that another request has written the same version, so that the head is now `head`, or has
 * changed an `unchanged` version. After `raced`, neither this attempt nor an earlier one of the
 * request can take effect any more.
 */
export type WriteOutcome =
  | { readonly outcome: 'written' }
  | { readonly outcome: 'replayed'; readonly record: IdempotencyRecord }
  | { readonly outcome: 'raced'; readonly head?: Head }
  | {
      readonly outcome: 'refused';
      readonly reason: 'throttled' | 'unavailable';
      readonly cause?: unknown;
    }
  | { readonly outcome: 'unclear'; readonly cause?: unknown };

/**
 * How an item is read. While a write of several items is running, a plain read may see it on one
 * item before another. A `settled` read waits until no write of its items is running, so they all
 * show the same writes.
 */
type ReadMode = 'plain' | 'settled';

export type Store = {
  /** Consistently reads the current version, which may be a deletion. */
  readonly findHead: (name: string) => Promise<Head | undefined>;
  /** Consistently reads a superseded version. Never returns the current version. */
  readonly findVersion: (
    name: string,
    version: number,
    mode?: ReadMode,
  ) => Promise<StoredVersion | undefined>;
  /**
   * Reads the current versions of at most 100 names in one snapshot. Names that never existed are
   * left out.
   */
  readonly findHeads: (names: readonly string[]) => Promise<ReadonlyMap<string, Head>>;
  /**
   * The superseded versions between `above` and `below` (both excluded), in `order`. May return
   * fewer than `limit`.
   */
  readonly listVersions: (name: string, range: VersionRange) => Promise<readonly StoredVersion[]>;
  /**
   * The visible names after `after` in ascending order. May lag behind writes. `more`: further
   * names may follow.
   */
  readonly listNames: (
    range: NameRange,
  ) => Promise<{ readonly names: readonly string[]; readonly more: boolean }>;
  /** Consistently reads the details of at most `limits.detailsPageMax` listed names, by name. */
  readonly findDetails: (names: readonly string[]) => Promise<ReadonlyMap<string, HeadDetails>>;
  /** The unexpired record of the caller's idempotency key. */
  readonly findRecord: (keyHash: string, mode?: ReadMode) => Promise<IdempotencyRecord | undefined>;
  /**
   * Makes one attempt. By the writeId, it must tell an earlier success of this request from another
   * request's write.
   */
  readonly write: (write: Write) => Promise<WriteOutcome>;
  /**
   * Replaces a superseded version by what remains after its destruction, with the same end of its
   * interval. Returns what is stored, possibly by an earlier destruction. Throws `throttled`,
   * `store_unavailable`, `outcome_unknown`, and `integrity_failure` if the version is gone or has
   * changed.
   */
  readonly destroy: (destroyed: DestroyedVersion, validTo: number) => Promise<DestroyedVersion>;
  /**
   * Reads once whether an unclear write took effect. Returns `written`, `raced` or `unclear`; for a
   * keyed write without changes also `replayed`.
   */
  readonly lookUp: (write: Write) => Promise<WriteOutcome>;
  /**
   * Rejects if the store does not answer. `replicated`: it has replicas that accept writes, such as
   * a table with replicas in other Regions.
   */
  readonly probe: () => Promise<{ readonly replicated: boolean }>;
};

export type VersionRange = {
  readonly above: number;
  readonly below: number;
  readonly order: 'asc' | 'desc';
  readonly limit: number;
};

export type NameRange = {
  /** Which secrets to list: those that have a value now, or those that are deleted. */
  readonly state: Head['state'];
  readonly prefix: string;
  readonly after: string | undefined;
  readonly limit: number;
};

/** What a data key is bound to. The audit log of KMS shows it. */
type EncryptionContext = {
  readonly vault: string;
  readonly tenant: string;
  readonly name: string;
};

/**
 * A data key for one request: 32 bytes, and their wrapped form. The holder must zero `plaintext`.
 */
export type DataKey = {
  readonly plaintext: Uint8Array;
  readonly wrapped: Uint8Array;
  readonly masterKeyId: string;
};

/**
 * The calls throw `master_key_unavailable`, `master_key_incorrect` (only `unwrap`), and `throttled`
 * or `store_unavailable` when the request has run out of time.
 */
export type DataKeys = {
  readonly generate: (bound: EncryptionContext) => Promise<DataKey>;
  readonly unwrap: (bound: EncryptionContext, wrapped: Uint8Array) => Promise<Uint8Array>;
  /**
   * The id of the configured master key if it can be used now. Makes one attempt, which takes at
   * most a second.
   */
  readonly probe: () => Promise<{ readonly masterKeyId: string }>;
};
