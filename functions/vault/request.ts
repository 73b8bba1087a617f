/** The context of one request, and the vault as that request sees it. */
import type { Principal, VersionRef } from '../model/types.ts';
import type { DataKeys, Store } from './ports.ts';

export type Clock = {
  /** Wall-clock time in milliseconds since the epoch. May jump. */
  readonly now: () => number;
  /** A monotonic clock in milliseconds, for durations. */
  readonly elapsed: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Calls `act` after `ms`, unless the returned function is called first. */
  readonly after: (ms: number, act: () => void) => () => void;
  /** A random number, uniform in [0, 1). */
  readonly random: () => number;
};

/**
 * The context of one request. Every version that the request writes begins at the instant `now`, or
 * 1 ms after the version that it replaces if that is later.
 */
export type RequestContext = {
  readonly requestId: string;
  readonly now: number;
  /**
   * Shared by all attempts of the request. Distinguishes its own write from another request's.
   * Empty for a GET, which writes nothing.
   */
  readonly writeId: string;
  /** Milliseconds since the request began. */
  readonly elapsed: () => number;
  readonly storeTime: Stopwatch;
  readonly clock: Clock;
  readonly journal: Journal;
};

/** Collects what one request does, for its log lines: names and numbers, never a value. */
export type Journal = {
  readonly called: (service: 'store' | 'kms', operation: string, units?: number) => void;
  /**
   * Records the id that KMS gave to a call, even to one that it refused. A call without a reply has
   * no id.
   */
  readonly answered: (kmsRequestId: string | undefined) => void;
  /**
   * Records that a value was opened. This is the only trace in the log that somebody may have read
   * it.
   */
  readonly opened: (version: VersionRef, selection: Selection) => void;
  /** Records that a value was opened only to be stored again, so nobody saw it. */
  readonly copied: (version: VersionRef, selection: Selection) => void;
  /** Records that the caller already has this version, so its value was not opened again. */
  readonly compared: (version: VersionRef, selection: Selection) => void;
  readonly attempted: () => void;
  /**
   * Counts a decision that an operator may ask about, such as a lost race. Decisions that raise an
   * alarm, and destructions, also get their own log line at once.
   */
  readonly decided: (decision: Decision, about?: Partial<VersionRef>) => void;
  /**
   * Sets the secret that the log line of the request names, replacing the one set before, and the
   * other fields that the line has about it, such as its version.
   */
  readonly concerns: (about: About) => void;
};

/** A journal that records nothing. */
const silentJournal: Journal = {
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
 * How a request selected a version: as the current one, by its number, or as one from the past. The
 * last means by an instant, in a list, or because the first answer to a repeated request used it.
 */
export type Selection = 'current' | 'number' | 'past';

/**
 * The secret in the log line of a request. Of a note, only the length is logged. By the `writeId`,
 * a restore recognises a destroyed version: no two versions of a name share it, not even in two
 * vaults.
 */
export type About = Partial<VersionRef> & {
  readonly noteBytes?: number;
  readonly writeId?: string;
};

/**
 * Returns the part of a request that its log line may show: the secret's name and the length of the
 * note.
 */
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

/** The services of operations that need no master key. `store` is bound to a request before use. */
export type StorePorts = {
  /** The id of the vault. All its data keys are bound to it. */
  readonly vaultId: string;
  readonly store: { readonly for: (context: RequestContext, principal: Principal) => Store };
};

export type Ports = StorePorts & {
  readonly dataKeys: { readonly for: (context: RequestContext) => DataKeys };
};

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

/** Turns `work` into an operation: it is called with the services bound to the request. */
export const operation = <Request, Answer>(
  ports: Ports,
  work: (vault: RequestVault, request: Request) => Promise<Answer>,
): Operation<Request, Answer> =>
  storeOperation(ports, (vault, request) =>
    work({ ...vault, dataKeys: ports.dataKeys.for(vault) }, request),
  );

/** Like `operation`, for work that needs no master key. */
export const storeOperation =
  <Request, Answer>(
    { vaultId, store }: StorePorts,
    work: (vault: StoreVault, request: Request) => Promise<Answer>,
  ): Operation<Request, Answer> =>
  (context, principal, request) =>
    work({ ...context, principal, vaultId, store: store.for(context, principal) }, request);

/** Measures how long a request spends on one kind of work. Overlapping parts count once. */
type Stopwatch = {
  readonly during: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /** The milliseconds measured so far, including work that is still running. */
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

/** Creates the context of work that belongs to no caller's request, so it has no log line. */
export const backgroundContext = (clock: Clock): RequestContext => {
  const begun = clock.elapsed();
  const elapsed = () => clock.elapsed() - begun;
  return {
    ...{ requestId: '', now: clock.now(), writeId: '', clock, journal: silentJournal },
    elapsed,
    storeTime: createStopwatch(elapsed),
  };
};
