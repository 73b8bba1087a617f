/** What a node looks at again and again: its member of the log, for its condition, and at rest all that it holds. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sentenceOf } from '../command.ts';
import type { Condition } from './condition.ts';
import type { Position } from './digest.ts';
import type { Log, Member } from './log.ts';
import { type Content, readContent } from './snapshot.ts';
import { findDamage } from './store.ts';

export type WatchOptions = {
  readonly log: Log;
  readonly condition: Condition;
  /** Resolves when all that the log holds has been applied; rejects without a majority. */
  readonly barrier: () => Promise<unknown>;
  readonly position: () => Position;
  /** The node's own, which holds its store's file. */
  readonly folder: string;
  /** Gets why the store's file is damaged, if it turns out to be. */
  readonly onDamage: (why: string) => void;
  /** How long a node at rest has stood still; by default two seconds. */
  readonly restMs?: number;
  readonly signal: AbortSignal;
};

export type Watch = {
  /** Whether its member leads the log, as it last said. */
  readonly isLeader: () => boolean;
  /** What all items come to, as they were last read at rest. */
  readonly content: () => Content | null;
};

const watchMs = 500;
const restPresetMs = 2_000;
const retryMs = 100;

/** Looks until the signal ends it. */
export const startWatching = (options: WatchOptions): Watch => {
  const { log, condition, barrier, position, folder, onDamage, signal } = options;
  const { restMs = restPresetMs } = options;
  let known: Member | undefined;
  let content: Content | null = null;

  /** Serves when all that the log held has been applied, and no longer than its member knows a leader. */
  const watchLog = async (): Promise<void> => {
    while (!signal.aborted) {
      known = await log.describe().catch(() => undefined);
      const isServing = condition.state() === 'serving';
      if (isServing && !known?.hasLeader) {
        const why = known ? 'no majority of the nodes is there' : 'its own etcd does not answer';
        condition.change('no-majority', why);
      }
      // Without a majority there is nothing to catch up with: this is tried again.
      if (!isServing && known?.hasLeader) {
        await barrier().then(
          () => condition.change('serving'),
          () => undefined,
        );
      }
      await sleep(condition.state() === 'serving' ? watchMs : retryMs, undefined, { ref: false });
    }
  };
  /**
   * At rest, and only then, all items are read again: the digest of outcomes cannot see a file that has changed. Also
   * while it differs: that may be for others to settle.
   */
  const watchContent = async (): Promise<void> => {
    let wasDamaged = false;
    for (let before = -1; !signal.aborted; ) {
      await sleep(restMs, undefined, { ref: false });
      const { revision } = position();
      const isAtRest = revision === before && revision !== content?.revision;
      before = revision;
      const isSettled = ['serving', 'diverged'].includes(condition.state());
      if (!isAtRest || !isSettled) continue;
      const read = await readContent(folder).catch(sentenceOf);
      if (typeof read !== 'string') content = read;
      // Twice: while a snapshot is put in its place, the file is half one and half the other.
      const words = typeof read === 'string' ? findDamage(read) : undefined;
      if (words !== undefined && wasDamaged) onDamage(words);
      wasDamaged = words !== undefined;
    }
  };
  void watchLog();
  void watchContent();
  return { isLeader: () => known?.isLeader ?? false, content: () => content };
};
