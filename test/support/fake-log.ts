/**
 * The log in memory, with the faults of the real one at will. `log-contract.ts` holds both to the same behaviour.
 */
import { failure } from '../../local/command.ts';
import type { LogEntry } from '../../local/replica/batch.ts';
import type { Log, LogEnd } from '../../local/replica/log.ts';
import { decodeEntry, encodeEntry, type Write } from '../../local/replica/write.ts';

/**
 * What becomes of an append: `lost`: it is in the log, the reply is not there; `late`: no reply either, and it comes
 * with the next `bringLate`; `never`: no reply, and it never comes; `busy`: a definite refusal.
 */
type AppendFault = 'lost' | 'late' | 'never' | 'busy';

export type FakeLog = Log & {
  /** The next appends fail so, in turn. */
  readonly fail: (...faults: readonly AppendFault[]) => void;
  readonly bringLate: () => void;
  /** Appends nothing and leaves out one version, as no log ever should. */
  readonly makeHole: () => void;
  /** Moves the revision without an entry, as any other write to etcd does. */
  readonly writeElsewhere: () => void;
  readonly setMajority: (isThere: boolean) => void;
  /** All entries that are still there. */
  readonly entries: () => readonly LogEntry[];
};

const unclear = (): Error => new Error('14 UNAVAILABLE: the connection was lost');

/** At most so many entries are handed over at once. */
export const createFakeLog = (chunkMax = 100): FakeLog => {
  let entries: readonly LogEntry[] = [];
  // As of etcd, whose first write is revision 2.
  let revision = 1;
  let end: LogEnd = { revision: 0, version: 0 };
  let begins = 0;
  let hasMajority = true;
  let late: readonly (readonly Write[])[] = [];
  let faults: readonly AppendFault[] = [];
  const watchers = new Set<() => void>();

  const wake = (): void => {
    for (const watcher of watchers) watcher();
  };
  const add = (writes: readonly Write[]): void => {
    const value = encodeEntry(writes);
    revision += 1;
    end = { revision, version: end.version + 1 };
    entries = [...entries, { ...end, writes: decodeEntry(value), bytes: value.length }];
    wake();
  };
  const untilChanged = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const settle = (): void => {
        watchers.delete(settle);
        signal.removeEventListener('abort', settle);
        resolve();
      };
      watchers.add(settle);
      signal.addEventListener('abort', settle);
    });

  const append = async (writes: readonly Write[]): Promise<void> => {
    const [fault, ...later] = faults;
    faults = later;
    if (!hasMajority || fault === 'never') throw unclear();
    if (fault === 'busy') throw new Error('8 RESOURCE_EXHAUSTED: etcdserver: too many requests');
    if (fault === 'late') {
      late = [...late, writes];
      throw unclear();
    }
    add(writes);
    if (fault === 'lost') throw unclear();
  };
  const follow: Log['follow'] = async (from, take, signal) => {
    let { revision: at, version } = from();
    while (!signal.aborted) {
      if (at + 1 < begins) return { compactedRevision: begins };
      const after = at;
      const chunk = entries.filter((entry) => entry.revision > after).slice(0, chunkMax);
      if (chunk.length === 0) {
        await untilChanged(signal);
        continue;
      }
      for (const entry of chunk) {
        if (entry.version !== version + 1) {
          throw failure(`the log has entry ${entry.version} where ${version + 1} must be`);
        }
        ({ revision: at, version } = entry);
      }
      await take(chunk);
    }
    return undefined;
  };
  return {
    append,
    follow,
    findEnd: async () => {
      if (!hasMajority) throw unclear();
      return end;
    },
    describe: async () => ({
      clusterId: 'a-cluster',
      memberId: 'a-member',
      hasLeader: hasMajority,
      isLeader: hasMajority,
    }),
    compact: async (until) => {
      if (until > revision) throw new Error('11 OUT_OF_RANGE: a revision of the future');
      if (until <= begins) throw new Error('11 OUT_OF_RANGE: it has been compacted');
      begins = until;
      entries = entries.filter((entry) => entry.revision >= until);
      wake();
    },
    close: () => undefined,
    fail: (...more) => {
      faults = [...faults, ...more];
    },
    bringLate: () => {
      const all = late;
      late = [];
      for (const writes of all) add(writes);
    },
    makeHole: () => {
      end = { ...end, version: end.version + 1 };
    },
    writeElsewhere: () => {
      revision += 1;
    },
    setMajority: (isThere) => {
      hasMajority = isThere;
    },
    entries: () => entries,
  };
};
