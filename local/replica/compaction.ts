/** Compaction: the log forgets what every node that was heard of lately has applied, and keeps a good piece beyond. */
import type { Log } from './log.ts';

export type CompactionOptions = {
  readonly log: Log;
  /** So many revisions stay. */
  readonly kept: number;
  /** One node does it for all. */
  readonly isLeader: () => boolean;
  /** The applied revisions of all nodes that were heard of lately, this one too. */
  readonly applied: () => readonly number[];
};

const everyMs = 10_000;

/** Compacts from time to time until it is closed. */
export const startCompaction = (options: CompactionOptions): { readonly close: () => void } => {
  const { log, kept, isLeader, applied } = options;
  let done = 0;
  const compact = async (): Promise<void> => {
    const { revision } = await log.findEnd();
    const until = Math.min(revision - kept, ...applied());
    if (until <= done) return;
    await log.compact(until);
    done = until;
  };
  const timer = setInterval(() => {
    // One that fails is made up for by the next: it forgets more.
    if (isLeader()) void compact().catch(() => undefined);
  }, everyMs);
  return { close: () => clearInterval(timer) };
};
