/** A node's copy of the state: its store, kept where the log stands. */

import { failure } from '../command.ts';
import { type LocalStore, type StoreProgram, startStore } from '../dynamodb.ts';
import { type Applier, startApplier } from './apply.ts';
import type { LogEntry, Tables } from './batch.ts';
import { bindCluster, openBookkeeping } from './bookkeeping.ts';
import type { Position } from './digest.ts';
import type { Log, LogEnd } from './log.ts';
import { installSnapshot } from './snapshot.ts';
import { createStoreClient, type StoreClient } from './store.ts';
import type { WireReply } from './wire.ts';
import type { Write } from './write.ts';

export type ReplicaOptions = {
  readonly folder: string;
  readonly program: StoreProgram;
  readonly report: (line: string) => void;
};

export type Replica = {
  readonly store: StoreClient;
  readonly position: () => Position;
  /** Names of the key attributes of the tables that it has, by table. */
  readonly tables: () => Tables;
  /** The digest at a revision that this node has applied lately. */
  readonly findDigest: (revision: number) => string | undefined;
  /** Resolves when the store has applied `revision`. */
  readonly untilApplied: (revision: number) => Promise<void>;
  /**
   * Keeps the store where the log stands, until `close`. Throws a sentence if it cannot go on: the store belongs to
   * another log, has died of an entry or is damaged, or the log ends before the store.
   */
  readonly follow: (source: {
    readonly log: Log;
    readonly clusterId: string;
    readonly onOutcome: (write: Write, reply: WireReply, revision: number) => void;
    /** Puts a snapshot of at least this revision into the folder; it may take its time, and begins again by itself. */
    readonly fetchSnapshot: (revision: number) => Promise<void>;
  }) => Promise<void>;
  /** To be called with what says so, by whoever finds that the store's file is damaged. */
  readonly noteDamage: (why: string) => void;
  readonly close: () => Promise<void>;
};

/** Starts the store of the folder and reads where it stands. */
export const openReplica = async (options: ReplicaOptions): Promise<Replica> => {
  const { folder, program, report } = options;
  let process: LocalStore = await startStore(program, folder, report);
  let noteDamage: (why: string) => void = () => undefined;
  const damaged = new Promise<Error>((resolve) => {
    noteDamage = (why) =>
      resolve(
        failure(`its store is damaged (${why}): wipe it, and it takes its state from the others`),
      );
  });
  const store = createStoreClient(() => process.endpoint, noteDamage);
  let bookkeeping = await openBookkeeping(store);
  let applier: Applier | undefined;
  const waiting = new Map<() => void, number>();
  const closing = new AbortController();

  const wakeReaders = (): void => {
    const { revision } = bookkeeping.position;
    for (const [resolve, wanted] of waiting) {
      if (wanted > revision) continue;
      waiting.delete(resolve);
      resolve();
    }
  };

  const checkBinding = async (clusterId: string, log: Log): Promise<void> => {
    const { cluster, position } = bookkeeping;
    if (cluster !== undefined && cluster !== clusterId) {
      throw failure(`this node's store belongs to another cluster (${cluster}, not ${clusterId})`);
    }
    const end = await untilEnd(log, closing.signal);
    if (end !== undefined && end.revision < position.revision) {
      const sentence = `the log ends at revision ${end.revision}, before this node's ${position.revision}`;
      throw failure(`${sentence}: it is not the log of this store`);
    }
    if (cluster === undefined) await bindCluster(store, clusterId);
  };

  /** Follows the log until it no longer reaches back to where the store stands; resolves to where it begins. */
  const followOnce = async (
    log: Log,
    onOutcome: (write: Write, reply: WireReply, revision: number) => void,
  ): Promise<number | undefined> => {
    const started = startApplier({
      store,
      bookkeeping,
      storeDeaths: () => process.deaths(),
      report,
      onOutcome: (write, reply, revision) => {
        onOutcome(write, reply, revision);
        wakeReaders();
      },
    });
    applier = started;
    let offered: LogEnd = bookkeeping.position;
    const stop = new AbortController();
    const take = async (entries: readonly LogEntry[]): Promise<void> => {
      offered = entries.at(-1) ?? offered;
      await started.offer(entries);
    };
    const failed = Promise.race([started.failed, process.failed, damaged]).then((error) => {
      throw error;
    });
    const signal = AbortSignal.any([stop.signal, closing.signal]);
    try {
      const ended = await Promise.race([log.follow(() => offered, take, signal), failed]);
      return ended?.compactedRevision;
    } finally {
      stop.abort();
      await started.close();
    }
  };

  return {
    store,
    position: () => bookkeeping.position,
    tables: () => bookkeeping.tables,
    findDigest: (revision) => applier?.digests.find(revision),
    untilApplied: (revision) =>
      new Promise((resolve) => {
        if (revision <= bookkeeping.position.revision) return resolve();
        waiting.set(resolve, revision);
      }),
    follow: async ({ log, clusterId, onOutcome, fetchSnapshot }) => {
      await checkBinding(clusterId, log);
      for (;;) {
        const begins = await followOnce(log, onOutcome);
        if (begins === undefined || closing.signal.aborted) return;
        report(`the log begins at revision ${begins}; this node takes a snapshot from another one`);
        await fetchSnapshot(begins);
        await process.close();
        installSnapshot(folder);
        process = await startStore(program, folder, report);
        bookkeeping = await openBookkeeping(store);
        wakeReaders();
        report(`the snapshot is in place, of revision ${bookkeeping.position.revision}`);
      }
    },
    noteDamage,
    close: async () => {
      closing.abort();
      await applier?.close();
      store.close();
      await process.close();
    },
  };
};

/** The log's last entry, as soon as a majority tells it. */
const untilEnd = async (log: Log, signal: AbortSignal): Promise<LogEnd | undefined> => {
  while (!signal.aborted) {
    try {
      return await log.findEnd();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return undefined;
};
