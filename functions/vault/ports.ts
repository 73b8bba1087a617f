/**
 * The services that the vault needs, bound to the context and the caller of one request, and their
 * obligations. Every call keeps the times of `model/limits.ts`, and reports itself to the journal of its
 * request. A name that is hidden from the caller must be answered like one that never existed, with the same
 * calls, by a look-up under a key that is never written. Fakes must pass the contract suite of the services.
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
 * The change of one secret by one version. `next` replaces exactly the head `base`, which stays as a
 * superseded version. Without `base` the secret must never have existed, and `next` is its first version.
 */
export type Change = { readonly base: Head | undefined; readonly next: NewVersion };

/** An atomic write: everything in it takes effect together or not at all. */
export type Write = {
  readonly changes: readonly Change[];
  /** Versions of other items than `changes` that must still be these, in their states: a head as the head. */
  readonly unchanged: readonly StoredVersion[];
  /** The record of a keyed request, on condition that no unexpired record exists under its key. */
  readonly record?: { readonly keyHash: string; readonly record: IdempotencyRecord };
};

/**
 * The outcome of one attempt of a write. All outcomes except `refused` and `unclear` are final for this
 * write. `raced` means that another request has written the wanted version, and now the head is `head`, or
 * that it has changed an `unchanged` version. So neither this attempt nor an earlier one can take effect.
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
 * How an item is read. A plain read may see a write of several items on one of them before it is visible on
 * another. A `settled` read waits until no write of the item is running, so all items show the same writes.
 */
type ReadMode = 'plain' | 'settled';

export type Store = {
  /** The current version, which may be a deletion, read consistently. */
  readonly findHead: (name: string) => Promise<Head | undefined>;
  /** A superseded version, read consistently; never the current version. */
  readonly findVersion: (
    name: string,
    version: number,
    mode?: ReadMode,
  ) => Promise<StoredVersion | undefined>;
  /** The current versions of at most 100 names at one instant. Names that never existed are left out. */
  readonly findHeads: (names: readonly string[]) => Promise<ReadonlyMap<string, Head>>;
  /** The superseded versions between `above` and `below`, in `order`: at most `limit`, and perhaps fewer. */
  readonly listVersions: (name: string, range: VersionRange) => Promise<readonly StoredVersion[]>;
  /** The visible names after `after`, ascending, perhaps behind a write. `more`: others may follow. */
  readonly listNames: (
    range: NameRange,
  ) => Promise<{ readonly names: readonly string[]; readonly more: boolean }>;
  /** The details of listed names by name, read consistently. At most `limits.detailsPageMax` names. */
  readonly findDetails: (names: readonly string[]) => Promise<ReadonlyMap<string, HeadDetails>>;
  /** The unexpired record of the caller's idempotency key. */
  readonly findRecord: (keyHash: string, mode?: ReadMode) => Promise<IdempotencyRecord | undefined>;
  /** One attempt, which must tell this request's own earlier success, by its writeId, from another's. */
  readonly write: (write: Write) => Promise<WriteOutcome>;
  /**
   * Replaces a superseded version that holds a value by what remains of it, and keeps the end of its
   * interval. Returns what is stored, which an earlier destruction may have left. Throws `throttled`,
   * `store_unavailable`, `outcome_unknown`, and `integrity_failure` if the version is gone or is another.
   */
  readonly destroy: (destroyed: DestroyedVersion, validTo: number) => Promise<DestroyedVersion>;
  /** Reads once whether an unclear write took effect: `written`, `raced`, else `unclear`. */
  readonly lookUp: (write: Write) => Promise<WriteOutcome>;
  /** Whether the table answers, and whether it has replicas in other Regions. */
  readonly probe: () => Promise<{ readonly replicated: boolean }>;
};

export type VersionRange = {
  readonly above: number;
  readonly below: number;
  readonly order: 'asc' | 'desc';
  readonly limit: number;
};

export type NameRange = {
  /** The secrets that have a value now, or the deleted ones. */
  readonly state: Head['state'];
  readonly prefix: string;
  readonly after: string | undefined;
  readonly limit: number;
};

/** The context to which a data key is bound, visible in the audit log of KMS. */
type EncryptionContext = {
  readonly vault: string;
  readonly tenant: string;
  readonly name: string;
};

/** A data key: 32 bytes for one request, and their wrapped form. The holder must zero `plaintext`. */
export type DataKey = {
  readonly plaintext: Uint8Array;
  readonly wrapped: Uint8Array;
  readonly masterKeyId: string;
};

/**
 * The calls throw `master_key_unavailable`, `master_key_incorrect` (only `unwrap`), or, when the time of the
 * request is over, `throttled` or `store_unavailable`.
 */
export type DataKeys = {
  readonly generate: (bound: EncryptionContext) => Promise<DataKey>;
  readonly unwrap: (bound: EncryptionContext, wrapped: Uint8Array) => Promise<Uint8Array>;
  /** The configured master key's id, if it can be used now. One attempt, within a second. */
  readonly probe: () => Promise<{ readonly masterKeyId: string }>;
};
