/** The context of one request, and the vault as that request sees it. */
import type { Principal, VersionRef } from '../model/types.ts';
import type { DataKeys, Store } from './ports.ts';

export type Clock = {
  /** Wall-clock time, milliseconds since the epoch. May jump. */
  readonly now: () => number;
  /** Milliseconds of a monotonic clock, for durations. */
  readonly elapsed: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Calls `act` after `ms`, unless the returned function is called before. */
  readonly after: (ms: number, act: () => void) => () => void;
  /** A random number, uniform in [0, 1). */
  readonly random: () => number;
};

/** The context of one request. All secrets that a request creates share the instant `now`. */
export type RequestContext = {
  readonly requestId: string;
  readonly now: number;
  /** Shared by all attempts of the request, to tell the request's own write from another's. */
  readonly writeId: string;
  /** Milliseconds since the request began. */
  readonly elapsed: () => number;
  /** Measures the time in calls of this request to the store. */
  readonly storeTime: Stopwatch;
  readonly clock: Clock;
  readonly journal: Journal;
};

/** Collects the actions of one request for its log lines: names and numbers, never a value. */
export type Journal = {
  readonly called: (service: 'store' | 'kms', operation: string, units?: number) => void;
  /** Reports the id that KMS gave to a call, also to one that it refused. A call without a reply has none. */
  readonly answered: (kmsRequestId: string | undefined) => void;
  /** Reports that the value of a version was opened. No other line says that somebody may have read it. */
  readonly opened: (version: VersionRef, selection: Selection) => void;
  /** Reports that the value of a version was opened to be stored again, so that nobody saw it. */
  readonly copied: (version: VersionRef, selection: Selection) => void;
  /** Reports that the caller has this version already, so that its value was not opened again. */
  readonly compared: (version: VersionRef, selection: Selection) => void;
  readonly attempted: () => void;
  /** Counts a decision that an operator may ask about. Alarms and destructions are also written at once. */
  readonly decided: (decision: Decision, about?: Partial<VersionRef>) => void;
  /** Sets the secret in the line of the request, and the length of its note. */
  readonly concerns: (about: About) => void;
};

/** The journal of work that no caller asked for. */
export const silentJournal: Journal = {
  called: () => undefined,
  answered: () => undefined,
  opened: () => undefined,
  copied: () => undefined,
  compared: () => undefined,
  attempted: () => undefined,
  decided: () => undefined,
  concerns: () => undefined,
};

/**
 * How a request chose a version: as the current one, by its number, or otherwise as one of the past: by an instant, in
 * a list, or because the first answer to the same request had it.
 */
export type Selection = 'current' | 'number' | 'past';

/**
 * The secret in the line of a request. A note is known only by its length. `writeId` is that of the write
 * which made a destroyed version. No two versions of one name share it, not even those of two vaults.
 */
export type About = Partial<VersionRef> & {
  readonly noteBytes?: number;
  readonly writeId?: string;
};

/** The part of a request that its line may show. */
export const aboutRequest = ({
  name,
  note,
}: {
  readonly name?: string;
  readonly note?: string | undefined;
}): About => ({
  ...(name !== undefined && { name }),
  ...(note !== undefined && { noteBytes: Buffer.byteLength(note) }),
});

export type Decision =
  | 'created'
  | 'refused_exists'
  | 'version_written'
  | 'deleted'
  | 'destroyed'
  | 'lost_race'
  | 'try_failed'
  | 'replayed'
  | 'idempotency_key_reused'
  | 'outcome_unknown'
  | 'key_fault'
  | 'integrity_failure'
  | 'clock_skew'
  | 'table_replicated';

/** The services of a process for functions that need no master key, each to be bound to a request. */
export type StorePorts = {
  /** The id of the vault, to which all its data keys are bound. */
  readonly vaultId: string;
  readonly store: { readonly for: (context: RequestContext, principal: Principal) => Store };
};

export type Ports = StorePorts & {
  readonly dataKeys: { readonly for: (context: RequestContext) => DataKeys };
};

/** The vault without its master key, as one request sees it. */
export type StoreVault = RequestContext & {
  readonly principal: Principal;
  readonly vaultId: string;
  readonly store: Store;
};

export type RequestVault = StoreVault & { readonly dataKeys: DataKeys };

export type Operation<Request, Answer> = (
  context: RequestContext,
  principal: Principal,
  request: Request,
) => Promise<Answer>;

/** Makes an operation of `work`, which is called with the services bound to its request. */
export const operation = <Request, Answer>(
  ports: Ports,
  work: (vault: RequestVault, request: Request) => Promise<Answer>,
): Operation<Request, Answer> =>
  storeOperation(ports, (vault, request) =>
    work({ ...vault, dataKeys: ports.dataKeys.for(vault) }, request),
  );

/** The same for work without the master key. */
export const storeOperation =
  <Request, Answer>(
    { vaultId, store }: StorePorts,
    work: (vault: StoreVault, request: Request) => Promise<Answer>,
  ): Operation<Request, Answer> =>
  (context, principal, request) =>
    work({ ...context, principal, vaultId, store: store.for(context, principal) }, request);

/** Measures how long a request spends in one kind of work. Overlapping parts count once. */
type Stopwatch = {
  readonly during: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /** The measured milliseconds so far, including running work. */
  readonly ms: () => number;
};

/** `elapsed` is a monotonic clock in milliseconds. */
export const createStopwatch = (elapsed: () => number): Stopwatch => {
  let parts = 0;
  let since = 0;
  let sum = 0;
  return {
    during: async (work) => {
      if (parts === 0) since = elapsed();
      parts += 1;
      try {
        return await work();
      } finally {
        parts -= 1;
        if (parts === 0) sum += elapsed() - since;
      }
    },
    ms: () => (parts > 0 ? sum + elapsed() - since : sum),
  };
};
