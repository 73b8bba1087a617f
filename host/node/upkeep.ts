/**
 * Upkeep: each minute, a serving node checks whether work is due. The node of the Raft leader then
 * deletes expired items (once an hour) and compacts etcd (after 10,000 revisions, or 100 when space
 * is short). Start reading at `createUpkeep`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { sentenceOf } from '../../system/failures.ts';
import { type EtcdClient, isOutOfRange, type Txn } from '../etcd/etcd-client.ts';
import { deleteExpired } from '../etcd/expired-items.ts';
import type { Etcd } from '../etcd/group-commit.ts';
import type { MemberClient, MemberStatus } from '../etcd/member-client.ts';
import { findHeldRevision } from '../etcd/snapshot.ts';
import { nodeTimes } from './node-times.ts';
import { isNearQuota } from './space.ts';

export type UpkeepOptions = {
  readonly quotaBytes: number;
  readonly member: MemberClient;
  readonly etcd: Pick<EtcdClient, 'range' | 'txn'>;
  /**
   * A connection that is separate from callers' requests. Its deletions are allowed even while
   * space is short, because they free space.
   */
  readonly deletions: Etcd;
  readonly isServing: () => boolean;
  readonly report: (line: string) => void;
};

/**
 * One task of the upkeep. It receives facts from etcd's status and decides what to do. It is called
 * every minute on every serving node, never twice at once. Rejects if a call fails.
 */
type Task<Facts extends keyof MemberStatus> = (status: Pick<MemberStatus, Facts>) => Promise<void>;

const deadline = (): number => performance.now() + nodeTimes.upkeepCallMs;

/**
 * Returns a function for the work of one minute. It never rejects, and must not be called twice at
 * once. A task that fails repeatedly is reported only the first time.
 */
export const createUpkeep = (options: UpkeepOptions): (() => Promise<void>) => {
  const { member, isServing, report } = options;
  const tasks = new Map<string, Task<keyof MemberStatus>>([
    ['deleting expired items', createExpiry(options)],
    ['compacting etcd', createCompaction(options)],
  ]);
  const failing = new Set<string>();
  return async () => {
    if (!isServing()) return;
    // No message is needed here, because the node's state already says that its etcd does not
    // answer.
    const status = await member.status(deadline()).catch(() => undefined);
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

/** Does the work of each minute until `signal` aborts. Resolves when the last work has ended. */
export const startUpkeep = async (
  options: UpkeepOptions,
  signal: AbortSignal,
  everyMs: number = nodeTimes.upkeepEveryMs,
): Promise<void> => {
  const work = createUpkeep(options);
  while (!signal.aborted) {
    await sleep(everyMs, undefined, { ref: false, signal }).catch(() => undefined);
    if (!signal.aborted) await work();
  }
};

/**
 * The number of new revisions before the next compaction. A compaction reads the whole database, so
 * the number is large unless space is short.
 */
const revisionsMin = 10_000;
const revisionsMinNearQuota = 100;

/**
 * The write after each compaction, and of each minute in which space is short, for two reasons.
 * etcd returns a cached hash for the last revision of a compaction, whereas a restarted member
 * computes a different one and would stop serving; this write moves the revision on. And a member
 * counts the freed pages as free only after its next write, but writes may be refused until then.
 */
const smallWrite: Txn = {
  compare: [],
  success: [{ request_put: { key: Buffer.from('node/compaction'), value: Buffer.of() } }],
  failure: [],
};

/**
 * Creates the task that compacts. Once there are enough new revisions, the node of the leader
 * removes history older than one minute, so that members can still compare newer revisions. While a
 * backup reads a revision, that revision is kept, unless space is short: then the backup fails, and
 * the nodes can go on writing. While the space of its own member is short, each node writes.
 */
export const createCompaction = ({
  member,
  etcd,
  quotaBytes,
}: Pick<UpkeepOptions, 'member' | 'etcd' | 'quotaBytes'>): Task<
  'revision' | 'isLeader' | 'dbBytesInUse'
> => {
  let seen = 0;
  let compacted = 0;
  const compact = async (revision: number): Promise<void> => {
    try {
      await member.compact(revision, deadline());
    } catch (error) {
      // etcd answers "out of range" if a previous leader has already compacted that far, which is
      // no failure.
      if (!isOutOfRange(error)) throw error;
    }
    compacted = revision;
  };
  return async ({ revision, isLeader, dbBytesInUse }) => {
    const minuteAgo = seen;
    seen = revision;
    const isShort = isNearQuota(dbBytesInUse, quotaBytes);
    const before = compacted;
    const from = compacted + (isShort ? revisionsMinNearQuota : revisionsMin);
    if (isLeader && minuteAgo >= from) {
      const held = isShort ? undefined : await findHeldRevision(etcd, deadline());
      const to = Math.min(minuteAgo, held ?? minuteAgo);
      if (to >= from) await compact(to);
    }
    // A follower may end its compaction after the leader's write, so it writes, too.
    if (isShort || compacted > before) await etcd.txn(smallWrite, deadline());
  };
};

export type ExpiryOptions = Pick<UpkeepOptions, 'deletions' | 'report'>;

/**
 * Creates the task that deletes expired items, as DynamoDB's time to live does. The node of the
 * leader does it every hour, and once when its member becomes the leader.
 */
export const createExpiry = (options: ExpiryOptions): Task<'isLeader'> => {
  let sweptAt: number | undefined;
  return async ({ isLeader }) => {
    if (!isLeader) sweptAt = undefined;
    const now = performance.now();
    if (!isLeader || (sweptAt !== undefined && now - sweptAt < nodeTimes.expiryEveryMs)) return;
    const second = Math.floor(Date.now() / 1_000);
    const count = await deleteExpired(options.deletions, second, nodeTimes.upkeepCallMs);
    if (count > 0) options.report(`${count} expired items were deleted`);
    sweptAt = now;
  };
};
