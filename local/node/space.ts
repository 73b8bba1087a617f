/**
 * Space: when writes are refused. Above its quota a member of etcd raises an alarm that refuses writes on all
 * members: releases before 3.5.33, 3.6.14 and 3.7.1 only lone ones, and later releases also the small writes
 * through which the nodes gain space. So the nodes have a quota of their own, below that of etcd, and one
 * rule for all writes.
 *
 * A full disk ends only its own etcd, and the others go on. So writes are refused only before full disks
 * would leave no majority.
 */
import { statfsSync } from 'node:fs';
import type { MemberClient, MemberStatus } from '../etcd/member-client.ts';
import { nodeTimes } from './node-times.ts';
import type { NodeReport } from './report.ts';

export type SpaceReport = Pick<NodeReport, 'node' | 'alive' | 'space'>;
export type Space = NonNullable<NodeReport['space']>;

const nearShare = 0.8;
const fullShare = 0.9;
/** More than all nodes can write in the seconds until each of them knows that a database is full. */
const etcdRoomBytes = 1_073_741_824;
/** etcd ends if it cannot reserve 64 MB for the next file of its log. */
const diskRoomBytes = 128 * 1_048_576;

/** The quota of etcd, for nodes with this quota. */
export const etcdQuotaOf = (quotaBytes: number): number => quotaBytes + etcdRoomBytes;

const heapBytesMin = 512 * 1_048_576;

/**
 * The bytes beyond which etcd collects its garbage more often. Its index of the keys takes at most half of
 * what the database takes, and without a limit it would let the garbage grow to four times the index.
 */
export const etcdHeapOf = (quotaBytes: number): number =>
  Math.max(heapBytesMin, Math.floor(quotaBytes / 2));

const largeBytes = 1_073_741_824;

/** Whether etcd takes half a second or more for the hash of its data, and answers nothing else meanwhile. */
export const isLarge = (dbBytes: number): boolean => dbBytes > largeBytes;

/** Whether space is short, so that compaction and defragmentation should gain some. */
export const isNearQuota = (dbBytes: number, quotaBytes: number): boolean =>
  dbBytes > nearShare * quotaBytes;

const isFull = ({ dbBytes, quotaBytes }: Space): boolean => dbBytes > fullShare * quotaBytes;

/**
 * Whether the disk holds the copy of the database that a defragmentation makes, and leaves room beside it.
 */
export const hasDiskForCopy = ({ diskFreeBytes, dbBytesInUse }: Space): boolean =>
  diskFreeBytes > dbBytesInUse + diskRoomBytes;

/** The space of a node's etcd with this status, beside its folder. Throws if there is no folder. */
export const measureSpace = (
  folder: string,
  quotaBytes: number,
  { dbBytes, dbBytesInUse }: MemberStatus,
  memoryBytes: number | null,
): Space => {
  const { bavail, bsize } = statfsSync(folder);
  return { dbBytes, dbBytesInUse, quotaBytes, diskFreeBytes: bavail * bsize, memoryBytes };
};

const percentOf = ({ dbBytes, quotaBytes }: Space): number =>
  Math.ceil((100 * dbBytes) / quotaBytes);

type MeasuredReport = SpaceReport & { readonly space: Space };
const isMeasured = (report: SpaceReport): report is MeasuredReport =>
  report.alive && report.space !== null;

/**
 * Why writes are refused now, as a sentence; undefined if they are admitted. `reports` has the last report of
 * each node that was heard, and of this one; `nodeCount` counts all nodes.
 */
export const findSpaceRefusal = (
  reports: readonly SpaceReport[],
  nodeCount: number,
): string | undefined => {
  const known = reports.filter(isMeasured);
  const fullest = known.find(({ space }) => isFull(space));
  if (fullest !== undefined) {
    const { node, space } = fullest;
    return (
      `the database of node ${node} takes ${percentOf(space)} % of its quota, and above ${100 * fullShare} % ` +
      'nothing is written: start the nodes with a larger VAULT_QUOTA_BYTES'
    );
  }
  const short = known.filter(({ space }) => space.diskFreeBytes < diskRoomBytes);
  const hasMajorityRoom = 2 * (known.length - short.length) > nodeCount;
  if (short.length === 0 || hasMajorityRoom) return undefined;
  const names = short.map(({ node }) => `node ${node}`).join(' and ');
  return `the disk of ${names} has less than ${diskRoomBytes / 1_048_576} MiB left: free space there`;
};

export type ShortageOptions = {
  readonly reports: () => readonly SpaceReport[];
  readonly nodeCount: number;
  readonly report: (line: string) => void;
};

/** Returns a function like `findSpaceRefusal` for the reports of now. A change of its answer is reported. */
export const createShortage = ({ reports, nodeCount, report }: ShortageOptions) => {
  let shortage: string | undefined;
  return (): string | undefined => {
    const found = findSpaceRefusal(reports(), nodeCount);
    if (found !== undefined && shortage === undefined) report(`writes are refused: ${found}`);
    if (found === undefined && shortage !== undefined) report('there is space: writes are served');
    shortage = found;
    return found;
  };
};

/**
 * On the leader's node, ends etcd's alarm once no member is so full that writes are refused. To be called each
 * minute; a call rejects if etcd does not answer.
 */
export const createAlarmEnding =
  ({
    member,
    reports,
    report,
  }: Omit<ShortageOptions, 'nodeCount'> & { readonly member: MemberClient }) =>
  async ({ isLeader }: Pick<MemberStatus, 'isLeader'>): Promise<void> => {
    const deadline = performance.now() + nodeTimes.upkeepCallMs;
    if (!isLeader || !(await member.hasSpaceAlarm(deadline))) return;
    if (reports().some((one) => isMeasured(one) && isFull(one.space))) return;
    await member.endSpaceAlarm(deadline);
    report('etcd has space again, and its alarm has been ended');
  };
