/**
 * Makes all writes of this process to a vault's file. It puts waiting writes into one transaction,
 * and one sync of the log serves all of them. The sync runs in another thread while reads go on.
 * Callers are answered only when it has finished.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { NotSent } from '../../functions/store/ports.ts';

/**
 * A group of writes, which share one transaction, ends after this much work, so that reads do not
 * wait long for their turn.
 */
const groupBytesMax = 1_048_576;
const groupMs = 5;

/**
 * What the writer uses of the connection to the file: its transactions, and the sync of its log to
 * disk.
 */
export type Disk = {
  readonly begin: () => void;
  readonly commit: () => void;
  readonly rollback: () => void;
  /** Whether a transaction is open. SQLite rolls back by itself after some errors. */
  readonly isOpen: () => boolean;
  /** Whether the error only means that another program holds the lock for a moment. */
  readonly isBusy: (error: unknown) => boolean;
  /** Syncs the log. Resolves when every commit so far is on disk. */
  readonly sync: () => Promise<void>;
  /** Called after a group is on disk and before the next one begins. */
  readonly tidy: () => Promise<void>;
};

/**
 * The result of one step of a group, with the number of bytes and the partitions that it changed.
 */
export type Step<Result> = {
  readonly result: Result;
  readonly bytes: number;
  readonly changed: readonly string[];
};

type Waiting = {
  readonly apply: () => Step<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
};
type Applied = { readonly waiting: Waiting; readonly result: unknown };

/** Commits that may not be on disk yet. */
type Pending = { readonly partitions: ReadonlySet<string>; readonly synced: Promise<void> };

export type Writer = {
  /**
   * Runs `apply` in a transaction. Throws `NotSent` if nothing was written: the transaction did not
   * begin in time, or was rolled back. After any other error the write may be on disk. An abort
   * withdraws a step that is still waiting.
   */
  readonly run: <Result>(apply: () => Step<Result>, signal: AbortSignal) => Promise<Result>;
  /**
   * Returns the sync that must end before what was read from these partitions may be returned;
   * without `partitions`, the sync of any commit. `undefined` if there is none.
   */
  readonly pendingOf: (partitions?: readonly string[]) => Promise<void> | undefined;
  /** Why the writer has stopped for good, if it has. */
  readonly ended: () => Error | undefined;
  /** Resolves when no step is waiting or running. */
  readonly idle: () => Promise<void>;
};

const unavailable = (cause: unknown) => new NotSent('unavailable', { cause });

/**
 * Creates the writer. It calls `fail` once, when it is no longer known what is on disk. From then
 * on the process must not serve.
 */
export const createWriter = (
  disk: Disk,
  fail: (error: Error) => void,
  now: () => number = () => performance.now(),
): Writer => {
  const queue: Waiting[] = [];
  let pending: Pending | undefined;
  let running: Promise<void> | undefined;
  let ended: Error | undefined;

  const end = (cause: unknown): void => {
    if (ended) return;
    ended = new Error('the store could not write', { cause });
    for (const { reject } of queue.splice(0)) reject(unavailable(ended));
    fail(ended);
  };

  /** Rolls the transaction back, so its steps have no effect and never will. */
  const undo = (group: readonly Waiting[], error: unknown): void => {
    for (const { reject } of group) {
      reject(disk.isBusy(error) ? new NotSent('throttled', { cause: error }) : unavailable(error));
    }
    try {
      if (disk.isOpen()) disk.rollback();
    } catch (later) {
      end(later);
    }
  };

  const applyGroup = (): readonly Applied[] => {
    const begun = now();
    const group: Waiting[] = [];
    const applied: Applied[] = [];
    const partitions = new Set<string>();
    let bytes = 0;
    try {
      disk.begin();
      while (bytes < groupBytesMax && now() - begun < groupMs) {
        const waiting = queue.shift();
        if (waiting === undefined) break;
        group.push(waiting);
        const step = waiting.apply();
        applied.push({ waiting, result: step.result });
        bytes += step.bytes;
        for (const partition of step.changed) partitions.add(partition);
      }
    } catch (error) {
      undo(group.length > 0 ? group : queue.splice(0), error);
      return [];
    }
    try {
      disk.commit();
    } catch (error) {
      // Although the commit failed, the log may contain it completely, and the next start would
      // find it. So the writer stops, and the outcome is unknown.
      end(error);
      for (const { reject } of group) reject(error);
      return [];
    }
    if (partitions.size > 0) {
      const synced = disk.sync();
      // Avoids an unhandled rejection. `settle` awaits the same promise and handles its error.
      synced.catch(() => undefined);
      pending = { partitions, synced };
    }
    return applied;
  };

  const settle = async (applied: readonly Applied[]): Promise<void> => {
    try {
      await pending?.synced;
      pending = undefined;
      for (const { waiting, result } of applied) waiting.resolve(result);
    } catch (error) {
      end(error);
      for (const { waiting } of applied) waiting.reject(error);
    }
  };

  const runAll = async (): Promise<void> => {
    while (queue.length > 0 && !ended) {
      await nextTurn();
      await settle(applyGroup());
      if (!ended) await disk.tidy().catch(end);
    }
    running = undefined;
  };

  return {
    run: (apply, signal) =>
      new Promise((resolve, reject) => {
        if (ended) return reject(unavailable(ended));
        const waiting = { apply, resolve, reject } as Waiting;
        queue.push(waiting);
        signal.addEventListener('abort', () => {
          const index = queue.indexOf(waiting);
          if (index >= 0) queue.splice(index, 1);
          const error = new Error('the write took too long', { cause: signal.reason });
          reject(index >= 0 ? unavailable(error) : error);
        });
        running ??= runAll();
      }),
    pendingOf: (partitions) =>
      pending && (partitions?.some((one) => pending?.partitions.has(one)) ?? true)
        ? pending.synced
        : undefined,
    ended: () => ended,
    idle: async () => await running,
  };
};
