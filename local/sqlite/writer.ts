/**
 * The one writer of a vault's file. Writes that wait go together as one transaction, and one sync of the log serves all
 * of them. The sync runs in another thread while reads go on. Until it is over, nobody is told of the transaction.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { NotSent } from '../../functions/store/ports.ts';

/** A group ends after this much work, so that reads need not wait long for their turn. */
const groupBytesMax = 1_048_576;
const groupMs = 5;

/** The transactions of one connection, and the disk below it. */
export type Disk = {
  readonly begin: () => void;
  readonly commit: () => void;
  readonly rollback: () => void;
  /** Whether a transaction is open. SQLite ends it by itself after some errors. */
  readonly isOpen: () => boolean;
  /** Whether another program holds the lock, which passes. */
  readonly isBusy: (error: unknown) => boolean;
  /** Settles when every commit so far is on the disk. */
  readonly sync: () => Promise<void>;
  /** Called after a group that is on the disk, before the next one begins. */
  readonly tidy: () => Promise<void>;
};

/** What a step of a group did: its result, and the bytes and partitions that it changed. */
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

/** Commits that may not be on the disk yet. */
type Pending = { readonly partitions: ReadonlySet<string>; readonly synced: Promise<void> };

export type Writer = {
  /**
   * Runs `apply` in a transaction. Throws `NotSent` if the transaction was not begun in time or was undone before its
   * commit, and anything else if it may be on the disk. An abort withdraws a step that still waits.
   */
  readonly run: <Result>(apply: () => Step<Result>, signal: AbortSignal) => Promise<Result>;
  /** The sync for which a read of these partitions, or of any, has to wait; `undefined` if there is none. */
  readonly pendingOf: (partitions?: readonly string[]) => Promise<void> | undefined;
  /** Why nothing is read or written any more. */
  readonly ended: () => Error | undefined;
  /** Settles when no step waits or runs. */
  readonly idle: () => Promise<void>;
};

const unavailable = (cause: unknown) => new NotSent('unavailable', { cause });

/** `fail` is called once, when nobody knows what is on the disk. From then on the process must not serve. */
export const createWriter = (disk: Disk, fail: (error: Error) => void): Writer => {
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

  /** Undoes the transaction, whose steps had no effect and never will. */
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
    const begun = performance.now();
    const group: Waiting[] = [];
    const applied: Applied[] = [];
    const partitions = new Set<string>();
    let bytes = 0;
    try {
      disk.begin();
      while (bytes < groupBytesMax && performance.now() - begun < groupMs) {
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
      // The frames of the commit may be whole in the log, and then the next start finds them.
      end(error);
      for (const { reject } of group) reject(error);
      return [];
    }
    if (partitions.size > 0) {
      const synced = disk.sync();
      // The group below awaits it, too.
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
          const error = new Error('the time of the write is over', { cause: signal.reason });
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
