/**
 * What the vault asks of the world, as obligations. `dynamodb/` and `kms/` meet them with the real
 * services; fakes in tests are held to the same contract suite.
 *
 * Every call takes the context of the request it is made for, keeps the times of `model/limits.ts`,
 * and reports itself to the journal. What a principal may not see must be answered like what never
 * existed, with the same calls: names out of sight are looked up under a key that is never written.
 */
import type {
  IdempotencyRecord,
  Principal,
  SealedVersion,
  StoredVersion,
  VersionRef,
} from '../model/types.ts';
import type { Stopwatch } from './stopwatch.ts';

export type Clock = {
  /** Wall-clock time, milliseconds since the epoch. May jump. */
  readonly now: () => number;
  /** Milliseconds of a clock that never goes back, for durations. */
  readonly elapsed: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Aborts after `ms`. */
  readonly signalAfter: (ms: number) => AbortSignal;
  /** Uniform in [0, 1). */
  readonly random: () => number;
};

/** One request. `now` is read once, so that all secrets of a request share their first instant. */
export type RequestContext = {
  readonly requestId: string;
  readonly now: number;
  /** The same in all tries of the request: tells its own write from another's. */
  readonly writeId: string;
  /** Milliseconds since the request began. */
  readonly elapsed: () => number;
  /** Runs while a call of this request to the store is under way. */
  readonly storeTime: Stopwatch;
  readonly clock: Clock;
  readonly journal: Journal;
};

/** Collects what one request did, for its log lines. Takes names and numbers, never a value. */
export type Journal = {
  readonly called: (service: 'store' | 'kms', operation: string, units?: number) => void;
  /** One try of a write was begun. */
  readonly tried: () => void;
  /** What a person would ask about later; written at once as a line of its own. */
  readonly decided: (decision: Decision, about?: Partial<VersionRef>) => void;
  /** The secret that the request's own line is about. */
  readonly concerns: (about: Partial<VersionRef>) => void;
};

export type Decision =
  | 'created'
  | 'refused_exists'
  | 'version_written'
  | 'lost_race'
  | 'try_failed'
  | 'replayed'
  | 'idempotency_key_reused'
  | 'outcome_unknown'
  | 'key_fault'
  | 'integrity_failure'
  | 'clock_skew'
  | 'table_replicated';

/** A write as a whole: everything in it takes effect together or not at all. */
export type Write = {
  /** First versions, each on condition that its secret does not exist. */
  readonly creates: readonly SealedVersion[];
  /** Puts `next` in place of exactly the head `base` and keeps `base` as a superseded version. */
  readonly update?: { readonly base: StoredVersion; readonly next: SealedVersion };
  /** Heads that must still be exactly these. */
  readonly unchanged: readonly StoredVersion[];
  /** Put with the effect, on condition that no living record has its place. */
  readonly record?: { readonly hash: string; readonly record: IdempotencyRecord };
};

/**
 * What one try of a write came to. All but `refused` and `unclear` are final for this write:
 * `raced` says that another's version stands where this write wanted its own, so neither this try
 * nor an earlier one of it ever takes effect.
 */
export type WriteOutcome =
  | { readonly outcome: 'written' }
  | { readonly outcome: 'replayed'; readonly record: IdempotencyRecord }
  | { readonly outcome: 'exists' }
  | { readonly outcome: 'raced'; readonly head?: StoredVersion }
  | {
      readonly outcome: 'refused';
      readonly reason: 'throttled' | 'unavailable';
      readonly cause?: unknown;
    }
  | { readonly outcome: 'unclear'; readonly cause?: unknown };

/**
 * How an item is looked at. A write of several items may be seen on one of them before it is seen on another; a
 * `settled` look waits until no write of the item is under way, so what one item shows, the other shows, too.
 */
export type Look = 'plain' | 'settled';

export type Store = {
  /** The current version, read consistently. */
  readonly findHead: (
    context: RequestContext,
    principal: Principal,
    name: string,
  ) => Promise<StoredVersion | undefined>;
  /** A superseded version, read consistently. The current one is not here. */
  readonly findVersion: (
    context: RequestContext,
    principal: Principal,
    name: string,
    version: number,
    look?: Look,
  ) => Promise<StoredVersion | undefined>;
  /** The current versions of at most 100 names at one instant; names that are absent are missing. */
  readonly findHeads: (
    context: RequestContext,
    principal: Principal,
    names: readonly string[],
  ) => Promise<ReadonlyMap<string, StoredVersion>>;
  /** The superseded versions above `above` and below `below`, at most `limit`, in `order`; may be fewer. */
  readonly listVersions: (
    context: RequestContext,
    principal: Principal,
    name: string,
    range: VersionRange,
  ) => Promise<readonly StoredVersion[]>;
  /** Names in sight, ascending, after `after`; may lag behind a create. `more`: there may be others. */
  readonly listNames: (
    context: RequestContext,
    principal: Principal,
    range: NameRange,
  ) => Promise<{ readonly names: readonly string[]; readonly more: boolean }>;
  /** The record of the principal's idempotency key, if it has not expired. */
  readonly findRecord: (
    context: RequestContext,
    principal: Principal,
    hash: string,
    look?: Look,
  ) => Promise<IdempotencyRecord | undefined>;
  /** One try. Must tell this request's own earlier success, by its writeId, from another's. */
  readonly write: (
    context: RequestContext,
    principal: Principal,
    write: Write,
  ) => Promise<WriteOutcome>;
  /** Reads once whether an unclear write took effect: `written`, `exists`, `raced`, else `unclear`. */
  readonly lookUp: (
    context: RequestContext,
    principal: Principal,
    write: Write,
  ) => Promise<WriteOutcome>;
  /** Whether the table answers, and whether it has replicas in other Regions. */
  readonly probe: (context: RequestContext) => Promise<{ readonly replicated: boolean }>;
};

export type VersionRange = {
  readonly above: number;
  readonly below: number;
  readonly order: 'asc' | 'desc';
  readonly limit: number;
};

export type NameRange = {
  readonly prefix: string;
  readonly after: string | undefined;
  readonly limit: number;
};

/** What a data key is asked for and bound to; visible in the audit log of KMS. */
type EncryptionContext = { readonly tenant: string; readonly name: string };

/** A data key: 32 bytes for one request, and what is stored of it. The holder zeroes `plaintext`. */
export type DataKey = {
  readonly plaintext: Uint8Array;
  readonly wrapped: Uint8Array;
  readonly masterKeyId: string;
};

/** Throws `master_key_unavailable`, `master_key_incorrect` (unwrap only) or `throttled`. */
export type DataKeys = {
  readonly generate: (context: RequestContext, bound: EncryptionContext) => Promise<DataKey>;
  readonly unwrap: (
    context: RequestContext,
    bound: EncryptionContext,
    wrapped: Uint8Array,
  ) => Promise<Uint8Array>;
  /** The configured master key's id, if it can be used now. */
  readonly probe: (context: RequestContext) => Promise<{ readonly masterKeyId: string }>;
};

export type Ports = { readonly store: Store; readonly dataKeys: DataKeys };
