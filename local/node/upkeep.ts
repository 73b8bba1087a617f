/**
 * Upkeep: each minute in which a node serves, it deletes expired items, compacts etcd, defragments its database and ends
 * its space alarm. `createUpkeep` is where to begin reading.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { sentenceOf } from '../../system/failures.ts';
import {
  type EtcdClient,
  hasRevision,
  isOutOfRange,
  type Operation,
  type Txn,
} from '../etcd/etcd-client.ts';
import { deleteExpired } from '../etcd/expired-items.ts';
import type { Etcd } from '../etcd/group-commit.ts';
import type { MemberClient, MemberStatus } from '../etcd/member-client.ts';
import { findHeldRevision } from '../etcd/snapshot.ts';
import { nodeTimes } from './node-times.ts';
import type { NodeReport } from './report.ts';
import { createAlarmEnding, hasDiskForCopy, isNearQuota, type Space } from './space.ts';

export type UpkeepReport = Pick<NodeReport, 'node' | 'alive' | 'state' | 'memberId' | 'space'>;

export type UpkeepOptions = {
  /** The number of this node. */
  readonly node: number;
  readonly nodeCount: number;
  readonly quotaBytes: number;
  readonly member: MemberClient;
  readonly etcd: Pick<EtcdClient, 'range' | 'txn'>;
  /** Apart from the requests of callers, and not refused while space is short, as deletions gain space. */
  readonly deletions: Etcd;
  /** The last report of each node that was heard, and of this one. */
  readonly reports: () => readonly UpkeepReport[];
  /**
   * Called with true before the member stops answering, so that the node answers 503, and with false after.
   */
  readonly onDefragmenting: (isDefragmenting: boolean) => void;
  readonly report: (line: string) => void;
};

/**
 * The part of a minute's work that these facts of etcd's status decide. Is called each minute, on every node,
 * never twice at once. Rejects if a call fails.
 */
type Task<Facts extends keyof MemberStatus> = (status: Pick<MemberStatus, Facts>) => Promise<void>;

const deadline = (): number => performance.now() + nodeTimes.upkeepCallMs;

/**
 * Returns the work of one minute, which never rejects and must not be called twice at once. A task that fails
 * is reported for the first time in a row.
 */
export const createUpkeep = (options: UpkeepOptions): (() => Promise<void>) => {
  const { node, member, reports, report } = options;
  const tasks = new Map<string, Task<keyof MemberStatus>>([
    ['deleting expired items', createExpiry(options)],
    ['compacting etcd', createCompaction(options)],
    ['defragmenting etcd', createDefragmentation(options)],
    ["ending etcd's space alarm", createAlarmEnding(options)],
  ]);
  const failing = new Set<string>();
  return async () => {
    if (!reports().some((one) => one.node === node && one.state === 'serving')) return;
    // The node itself reports a member that does not answer.
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

/** Does the work of each minute until `signal` aborts; resolves when the last work has ended. */
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
 * A compaction reads the whole database, so it waits for so many revisions; for fewer while space is short.
 */
const revisionsMin = 10_000;
const revisionsMinNearQuota = 100;

/**
 * After a compaction etcd returns a cached hash for its last revision. A restarted member computes a
 * different one, and the node would stop serving: this write moves the revision on. And etcd counts the pages
 * that a compaction frees only after its next write, and writes may be refused meanwhile.
 */
const smallWrite: Txn = {
  compare: [],
  success: [{ request_put: { key: Buffer.from('node/compaction'), value: Buffer.of() } }],
  failure: [],
};

/**
 * The leader's node lets etcd forget the history of its keys before the revision of one minute ago, so that
 * members which compare a newer revision find it. While a backup reads a revision, compaction goes no
 * further, unless the database nears its quota: then the backup ends, and the nodes go on writing.
 */
export const createCompaction = ({
  member,
  etcd,
  quotaBytes,
}: Pick<UpkeepOptions, 'member' | 'etcd' | 'quotaBytes'>): Task<
  'revision' | 'isLeader' | 'dbBytes'
> => {
  let seen = 0;
  let compacted = 0;
  const compact = async (revision: number): Promise<void> => {
    try {
      await member.compact(revision, deadline());
    } catch (error) {
      // The leader before has compacted as far.
      if (!isOutOfRange(error)) throw error;
    }
    compacted = revision;
  };
  return async ({ revision, isLeader, dbBytes }) => {
    const minuteAgo = seen;
    seen = revision;
    if (!isLeader) return;
    const isShort = isNearQuota(dbBytes, quotaBytes);
    const before = compacted;
    const from = compacted + (isShort ? revisionsMinNearQuota : revisionsMin);
    if (minuteAgo >= from) {
      const held = isShort ? undefined : await findHeldRevision(etcd, deadline());
      const to = Math.min(minuteAgo, held ?? minuteAgo);
      if (to >= from) await compact(to);
    }
    if (isShort || compacted > before) await etcd.txn(smallWrite, deadline());
  };
};

const bytesMin = 100_000_000;

/**
 * Whether the file of a database needs defragmentation: over 100 MB and less than half in use, or over 80 % of its quota
 * and less than 90 % in use.
 */
const isWasteful = (space: Space): boolean =>
  hasDiskForCopy(space) &&
  ((space.dbBytes > bytesMin && space.dbBytesInUse < 0.5 * space.dbBytes) ||
    (isNearQuota(space.dbBytes, space.quotaBytes) && space.dbBytesInUse < 0.9 * space.dbBytes));

const needsIt = ({ space }: UpkeepReport): boolean => space !== null && isWasteful(space);

/**
 * A node gives the free space of its database file back to the disk and to the quota. Its member answers
 * nothing meanwhile, so one member at a time does so, while all nodes serve, and the leader last. The task
 * resolves when the member answers again.
 */
export const createDefragmentation = (
  options: Omit<UpkeepOptions, 'quotaBytes' | 'deletions'>,
): Task<'isLeader'> => {
  const { node, nodeCount, member, reports, onDefragmenting, report } = options;
  const lock = createDefragmentationLock(options.etcd, node);

  const handOver = async (others: readonly UpkeepReport[]): Promise<void> => {
    const next = others.find(({ memberId }) => memberId !== null);
    if (next === undefined || next.memberId === null || others.some(needsIt)) return;
    await member.moveLeader(next.memberId, deadline());
    report(`node ${next.node} leads now, so that this node can defragment its database`);
  };

  return async ({ isLeader }) => {
    // A call without an answer, or a process before this one, may have left the lock behind.
    await lock.release();
    const all = reports();
    const own = all.find((one) => one.node === node);
    const others = all.filter((one) => one !== own);
    if (own === undefined || !needsIt(own)) return;
    const serving = all.filter(({ alive, state }) => alive && state === 'serving');
    if (serving.length < nodeCount) return;
    if (isLeader) return await handOver(others);
    if (!(await lock.acquire())) return;
    onDefragmenting(true);
    try {
      await member.defragment(performance.now() + nodeTimes.defragmentMs);
      report('the database was defragmented');
    } finally {
      onDefragmenting(false);
    }
    await lock.release();
  };
};

const key = Buffer.from('node/defragmentation');

/**
 * The lock that lets one node at a time defragment: a key in etcd, which holds the number of the node. A
 * change of leader does not touch it.
 */
export const createDefragmentationLock = (etcd: UpkeepOptions['etcd'], node: number) => ({
  /** Whether this node holds the lock now. If the call rejects, the node may hold it. */
  acquire: async (): Promise<boolean> => {
    const put: Operation = { request_put: { key, value: Buffer.from(String(node)) } };
    const txn = { compare: [hasRevision(key, '0')], success: [put], failure: [] };
    return (await etcd.txn(txn, deadline())).succeeded;
  },
  /** Gives the lock up if this node holds it, from an earlier process too. */
  release: async (): Promise<void> => {
    const until = deadline();
    const [holder] = (await etcd.range({ key }, until)).kvs;
    if (holder === undefined || holder.value.toString() !== String(node)) return;
    const success = [{ request_delete_range: { key } }];
    await etcd.txn(
      { compare: [hasRevision(key, holder.mod_revision)], success, failure: [] },
      until,
    );
  },
});

export type ExpiryOptions = Pick<UpkeepOptions, 'deletions' | 'report'>;

/**
 * The leader's node deletes the items whose second has passed, as DynamoDB does by time to live: each hour,
 * and once when its member becomes the leader.
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
