/**
 * Decides when writes are refused for lack of space. The nodes' quota counts the bytes in use,
 * because etcd's file never shrinks, but etcd reuses its free pages before the file grows. etcd's
 * own quota counts the whole file, and if it is exceeded, a member raises an alarm that refuses
 * writes on all members until an operator clears it. So etcd's quota is set to at least twice ours
 * and should never be reached.
 *
 * A full disk only stops its own etcd, and the others continue. So full disks are a reason to
 * refuse writes only if they would leave no majority.
 */
import { statfsSync } from 'node:fs';
import type { MemberStatus } from '../etcd/member-client.ts';
import type { NodeReport } from './report.ts';

export type SpaceReport = Pick<NodeReport, 'node' | 'alive' | 'space'>;
export type Space = NonNullable<NodeReport['space']>;

const nearShare = 0.8;
const fullShare = 0.9;
/**
 * The least by which etcd's quota exceeds the nodes' quota. This is more than all nodes can write
 * in the seconds until each of them knows that a quota is reached.
 */
const etcdRoomBytes = 1_073_741_824;
/**
 * With less free space than this, a node's disk counts as full. etcd exits if it cannot reserve
 * 64 MB for the next file of its log.
 */
const diskRoomBytes = 128 * 1_048_576;

/** The quota for etcd's file, from the nodes' quota of bytes in use. */
export const etcdQuotaOf = (quotaBytes: number): number =>
  quotaBytes + Math.max(quotaBytes, etcdRoomBytes);

const heapBytesMin = 512 * 1_048_576;

/**
 * The amount of memory above which etcd collects garbage more often. Its index of keys takes at
 * most half as much memory as the data takes on disk, and without a limit the garbage would grow to
 * four times the index.
 */
export const etcdHeapOf = (quotaBytes: number): number =>
  Math.max(heapBytesMin, Math.floor(quotaBytes / 2));

const largeBytes = 1_073_741_824;

/**
 * Whether etcd needs half a second or more for a hash of its data, during which it answers nothing
 * else.
 */
export const isLarge = (dbBytesInUse: number): boolean => dbBytesInUse > largeBytes;

/** Whether the data take more than 80 % of the quota, so that compacting is worth while. */
export const isNearQuota = (dbBytesInUse: number, quotaBytes: number): boolean =>
  dbBytesInUse > nearShare * quotaBytes;

const isFull = ({ dbBytesInUse, quotaBytes }: Space): boolean =>
  dbBytesInUse > fullShare * quotaBytes;

/**
 * Returns the space of the node's etcd, from its status and its folder. Throws if there is no
 * folder.
 */
export const measureSpace = (
  folder: string,
  quotaBytes: number,
  { dbBytes, dbBytesInUse }: MemberStatus,
  memoryBytes: number | null,
): Space => {
  const { bavail, bsize } = statfsSync(folder);
  return { dbBytes, dbBytesInUse, quotaBytes, diskFreeBytes: bavail * bsize, memoryBytes };
};

const percentOf = ({ dbBytesInUse, quotaBytes }: Space): number =>
  Math.ceil((100 * dbBytesInUse) / quotaBytes);

type MeasuredReport = SpaceReport & { readonly space: Space };
const isMeasured = (report: SpaceReport): report is MeasuredReport =>
  report.alive && report.space !== null;

/**
 * Returns the reason why writes are refused now, as a sentence; `undefined` if they are accepted.
 * `reports` has the latest report of every node known, including this one. `nodeCount` counts all
 * nodes.
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
      `the data of node ${node} take ${percentOf(space)} % of its quota, and writes are refused above ` +
      `${100 * fullShare} %: start the nodes with a larger VAULT_QUOTA_BYTES`
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

/**
 * Returns a function that applies `findSpaceRefusal` to the current reports. It also reports each
 * time writes begin to be refused or are accepted again.
 */
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
