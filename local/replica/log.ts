/**
 * The log: one ordered sequence of entries, the same on all nodes, kept by etcd (Raft). All entries are written to one
 * key: its revisions are the entries, its version counts them, and compaction alone trims them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { noop } from 'cockatiel';
import { Etcd3, type IWatchResponse } from 'etcd3';
import { failure, isFailure } from '../command.ts';
import type { LogEntry } from './batch.ts';
import { decodeEntry, encodeEntry, type Write } from './write.ts';

/** The last entry of the log: 0 and 0 if it holds none. */
export type LogEnd = { readonly revision: number; readonly version: number };

/** Watching ended because what was asked for is no longer in the log. */
type Compacted = { readonly compactedRevision: number };

export type Log = {
  /**
   * Appends one entry with these writes, once and never again, whatever comes back: resolves when it is in the log.
   * After an error it may be there all the same, or may yet come, unless `isNotAppended` says that it never will.
   */
  readonly append: (writes: readonly Write[]) => Promise<void>;
  /** The last entry at some moment after the call was made, as agreed by a majority. Throws without one. */
  readonly findEnd: () => Promise<LogEnd>;
  /**
   * Hands over all entries after `from`, in order, each exactly once, and waits for `take`; starts again by itself
   * when the connection is lost. Resolves when `signal` aborts, or when an entry is no longer there. Throws a sentence
   * if the log has a hole.
   */
  readonly follow: (
    from: () => LogEnd,
    take: (entries: readonly LogEntry[]) => Promise<void>,
    signal: AbortSignal,
  ) => Promise<Compacted | undefined>;
  /** What this node's member of the log knows. Throws if it does not answer. */
  readonly describe: () => Promise<Member>;
  /** Forgets the entries before `revision`. */
  readonly compact: (revision: number) => Promise<void>;
  readonly close: () => void;
};

export type Member = {
  readonly clusterId: string;
  readonly memberId: string;
  /** Whether a leader is known, without which nothing is appended. */
  readonly hasLeader: boolean;
  readonly isLeader: boolean;
};

const key = Buffer.from('log');
/** The functions give a call 2.5 s; the answer must be there before. */
const callMs = 2_000;
const retryMs = 100;

const unlimited = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 500,
  // A member that was paused or killed is noticed, and its connection not trusted for ever.
  'grpc.keepalive_time_ms': 5_000,
  'grpc.keepalive_timeout_ms': 3_000,
};

/**
 * Nothing is repeated and nothing is held back: after one late answer the client would otherwise refuse all calls for
 * seconds (a circuit breaker), just when a new leader is there.
 */
const faultHandling = { host: () => noop, global: noop };

/**
 * etcd's own words for a proposal that it has not made. `database space exceeded` is not among them: it is also the
 * answer to the one that was made and took the last of the space.
 */
const neverAppended = ['request is too large', 'too many requests'];

/** An error after which the entry will never be in the log. */
export const isNotAppended = (error: unknown): boolean =>
  error instanceof Error && neverAppended.some((words) => error.message.includes(words));

const within = (ms: number) => ({ deadline: Date.now() + ms });

const toLogEntries = (response: IWatchResponse): readonly LogEntry[] =>
  response.events.map(({ kv }) => ({
    revision: Number(kv.mod_revision),
    version: Number(kv.version),
    writes: decodeEntry(kv.value),
    bytes: kv.value.length,
  }));

/** Connects to the member at `host:port`. Nothing is sent yet, so it need not run. */
export const connectLog = (member: string): Log => {
  const etcd = new Etcd3({ hosts: `http://${member}`, grpcOptions: unlimited, faultHandling });

  /** One watch, until it breaks. Returns the revision that the log begins at, if it begins later than asked. */
  const watchOnce = async (
    from: () => LogEnd,
    take: (entries: readonly LogEntry[]) => Promise<void>,
    signal: AbortSignal,
  ): Promise<number | undefined> => {
    const stream = await etcd.watchClient.watch();
    const abort = () => stream.cancel();
    signal.addEventListener('abort', abort);
    try {
      let { revision, version } = from();
      // In fragments of the largest request: a member far behind would else be sent all that it lacks as one.
      const start_revision = String(revision + 1);
      stream.write({ create_request: { key, start_revision, fragment: true } });
      // Iterating keeps back what is not taken yet, down to etcd.
      for await (const chunk of stream as unknown as AsyncIterable<IWatchResponse>) {
        if (Number(chunk.compact_revision) > 0) return Number(chunk.compact_revision);
        if (chunk.canceled) return undefined;
        const entries = toLogEntries(chunk);
        for (const entry of entries) {
          if (entry.version !== version + 1) {
            throw failure(`the log has entry ${entry.version} where ${version + 1} must be`);
          }
          ({ revision, version } = entry);
        }
        if (entries.length > 0) await take(entries);
      }
      return undefined;
    } finally {
      signal.removeEventListener('abort', abort);
      stream.cancel();
    }
  };

  return {
    append: async (writes) => {
      await etcd.kv.put({ key, value: encodeEntry(writes) }, within(callMs));
    },
    findEnd: async () => {
      const { kvs } = await etcd.kv.range({ key, keys_only: true }, within(callMs));
      const [kv] = kvs;
      return { revision: Number(kv?.mod_revision ?? 0), version: Number(kv?.version ?? 0) };
    },
    follow: async (from, take, signal) => {
      while (!signal.aborted) {
        const compactedRevision = await watchOnce(from, take, signal).catch((error) => {
          // A lost connection is met by another one; a log with a hole is not.
          if (isFailure(error)) throw error;
        });
        if (compactedRevision !== undefined) return { compactedRevision };
        if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
      return undefined;
    },
    describe: async () => {
      const { header, leader } = await etcd.maintenance.status(within(callMs));
      return {
        clusterId: header.cluster_id,
        memberId: header.member_id,
        hasLeader: leader !== '0',
        isLeader: leader === header.member_id,
      };
    },
    compact: async (revision) => {
      await etcd.kv.compact({ revision: String(revision) }, within(callMs));
    },
    close: () => etcd.close(),
  };
};

/** What the member knows, once it answers at all: it does so when a majority has let it in. */
export const untilDescribed = async (log: Log, signal: AbortSignal): Promise<Member> => {
  for (;;) {
    try {
      await log.findEnd();
      return await log.describe();
    } catch {
      await sleep(100, undefined, { signal });
    }
  }
};
