/**
 * Defragmentation: a node gives the free space of its member's database file back to the disk and to the quota. The
 * member answers nothing meanwhile, so it happens to one member at a time while all nodes serve, and last to the leader.
 *
 * The lock that lets one node at a time do so is a key in etcd, which holds the number of the node. A change of leader
 * does not touch it.
 */
import type { Compare, EtcdClient, Operation } from '../etcd/etcd-client.ts';
import type { MemberClient, MemberStatus } from '../etcd/member-client.ts';
import type { NodeReport } from './report.ts';
import { hasDiskForCopy, isNearQuota, type Space } from './space.ts';

export type UpkeepReport = Pick<NodeReport, 'node' | 'alive' | 'state' | 'memberId' | 'space'>;

export type DefragmentationOptions = {
  /** The number of this node. */
  readonly node: number;
  readonly member: Pick<MemberClient, 'defragment' | 'moveLeader'>;
  readonly etcd: Pick<EtcdClient, 'range' | 'txn'>;
  readonly nodeCount: number;
  /** The last report of each node that was heard, and of this one. */
  readonly reports: () => readonly UpkeepReport[];
  /** Called with true before the member stops answering, so that the node answers 503, and with false after. */
  readonly onDefragmenting: (isDefragmenting: boolean) => void;
  readonly report: (line: string) => void;
};

const bytesMin = 100_000_000;
const moveWithinMs = 5_000;
/** A file of 8 GiB takes about half a minute. */
const defragmentWithinMs = 600_000;

/** A file needs it if it is over 100 MB and less than half in use, or over 80 % of its quota and less than 90 % in use. */
const isWasteful = (space: Space): boolean =>
  hasDiskForCopy(space) &&
  ((space.dbBytes > bytesMin && space.dbBytesInUse < 0.5 * space.dbBytes) ||
    (isNearQuota(space.dbBytes, space.quotaBytes) && space.dbBytesInUse < 0.9 * space.dbBytes));

const needsIt = ({ space }: UpkeepReport): boolean => space !== null && isWasteful(space);

/**
 * Returns a function to be called each minute, on every node, never twice at once. It resolves when the member answers
 * again, and rejects if a call fails.
 */
export const createDefragmentation = (
  options: DefragmentationOptions,
): ((status: Pick<MemberStatus, 'isLeader'>) => Promise<void>) => {
  const { node, nodeCount, member, reports, onDefragmenting, report } = options;
  const lock = createDefragmentationLock(options.etcd, node);

  const handOver = async (others: readonly UpkeepReport[]): Promise<void> => {
    const next = others.find(({ memberId }) => memberId !== null);
    if (next === undefined || next.memberId === null || others.some(needsIt)) return;
    await member.moveLeader(next.memberId, performance.now() + moveWithinMs);
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
      await member.defragment(performance.now() + defragmentWithinMs);
      report('the database was defragmented');
    } finally {
      onDefragmenting(false);
    }
    await lock.release();
  };
};

export type DefragmentationLock = {
  /** Whether this node holds the lock now. If the call rejects, the node may hold it. */
  readonly acquire: () => Promise<boolean>;
  /** Gives the lock up if this node holds it, from an earlier process too. */
  readonly release: () => Promise<void>;
};

const key = Buffer.from('node/defragmentation');
const withinMs = 5_000;

const isAt = (mod_revision: string): Compare => ({
  target: 'MOD',
  result: 'EQUAL',
  key,
  mod_revision,
});

export const createDefragmentationLock = (
  etcd: Pick<EtcdClient, 'range' | 'txn'>,
  node: number,
): DefragmentationLock => ({
  acquire: async () => {
    const put: Operation = { request_put: { key, value: Buffer.from(String(node)) } };
    const txn = { compare: [isAt('0')], success: [put], failure: [] };
    return (await etcd.txn(txn, performance.now() + withinMs)).succeeded;
  },
  release: async () => {
    const deadline = performance.now() + withinMs;
    const [holder] = (await etcd.range({ key }, deadline)).kvs;
    if (holder === undefined || holder.value.toString() !== String(node)) return;
    const success = [{ request_delete_range: { key } }];
    await etcd.txn({ compare: [isAt(holder.mod_revision)], success, failure: [] }, deadline);
  },
});
