/** Upkeep: each minute in which a node serves, it looks after its member of etcd and the expired items. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sentenceOf } from '../../system/failures.ts';
import type { MemberClient, MemberStatus } from '../etcd/member-client.ts';
import { type CompactionOptions, createCompaction } from './compaction.ts';
import { createDefragmentation, type DefragmentationOptions } from './defragmentation.ts';
import { createExpiry, type ExpiryOptions } from './expiry.ts';
import { createAlarmEnding } from './space.ts';

export type UpkeepOptions = CompactionOptions &
  DefragmentationOptions &
  ExpiryOptions & {
    readonly member: MemberClient;
    /** Remembers what etcd serves now. */
    readonly onServed: (status: MemberStatus) => Promise<void>;
  };

const minuteMs = 60_000;
const statusWithinMs = 5_000;

type Task = (status: MemberStatus) => Promise<void>;

/**
 * Returns the work of one minute, which never rejects and must not be called twice at once. Each task is reported when
 * it fails for the first time in a row.
 */
export const createUpkeep = (options: UpkeepOptions): (() => Promise<void>) => {
  const { node, member, onServed, reports, report } = options;
  const tasks = new Map<string, Task>([
    ['remembering the revision', onServed],
    ['deleting expired items', createExpiry(options)],
    ['compacting etcd', createCompaction(options)],
    ['defragmenting etcd', createDefragmentation(options)],
    ["ending etcd's space alarm", createAlarmEnding(options)],
  ]);
  const failing = new Set<string>();
  return async () => {
    if (!reports().some((one) => one.node === node && one.state === 'serving')) return;
    // The node itself reports a member that does not answer.
    const status = await member.status(performance.now() + statusWithinMs).catch(() => undefined);
    if (status === undefined) return;
    for (const [name, task] of tasks) {
      try {
        await task(status);
        failing.delete(name);
      } catch (error) {
        if (!failing.has(name)) {
          report(`${name} failed and is tried again each minute: ${sentenceOf(error)}`);
        }
        failing.add(name);
      }
    }
  };
};

/** Does the work of each minute until `signal` aborts; resolves when the last work has ended. */
export const startUpkeep = async (
  options: UpkeepOptions,
  signal: AbortSignal,
  everyMs = minuteMs,
): Promise<void> => {
  const work = createUpkeep(options);
  while (!signal.aborted) {
    await sleep(everyMs, undefined, { ref: false, signal }).catch(() => undefined);
    if (!signal.aborted) await work();
  }
};
