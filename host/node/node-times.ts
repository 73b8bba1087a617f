/**
 * The time limits of a node and its cluster, in milliseconds. Those of a request are in
 * functions/model/limits.ts.
 */
import { times } from '../../functions/model/limits.ts';
import { etcdTimes } from '../etcd/etcd-times.ts';
import { programTimes } from '../process/program-times.ts';

const minuteMs = 60_000;
const hourMs = 3_600_000;

export const nodeTimes = {
  // The times up to the next such heading limit the node's own calls to its etcd. Calls for a
  // caller's request have the limits of `host/etcd/etcd-times.ts`.
  etcdStatusMs: times.statusCallMs,
  /**
   * The limit of calls that have none of their own in this list. It is below `storeCallMs`, the
   * limit of the store calls of a caller's request.
   */
  etcdCallMs: times.storeCallMs - 500,
  /** The limit for adding or removing a member, which needs a majority. */
  memberChangeMs: 3_000,
  /**
   * The limit of a call for upkeep. It is longer than that of other calls, because nobody waits for
   * the upkeep.
   */
  upkeepCallMs: 5_000,
  /**
   * The limit for computing a hash, which takes about half a millisecond per megabyte of the
   * database.
   */
  hashMs: 30_000,
  /**
   * How long a request waits while there is no leader. If there is a majority, it elects a new
   * leader within this time.
   */
  electionMs: etcdTimes.admitMs,

  // The times up to the next such heading are for calls to other nodes.
  /**
   * A node counts as silent if it takes longer than this to answer with its report. The time is
   * less than the interval between two reports.
   */
  silenceMs: 900,
  reportEveryMs: 1_000,
  /**
   * How long to wait for a new member. The node that provides it first compares the copies, and
   * then changes the members twice.
   */
  newMemberMs: 15_000,
  /**
   * How long a program waits for a node's status. The node's etcd may use half of it for a hash.
   */
  statusMs: times.statusCallMs,
  freshReportMs: times.statusCallMs / 2,

  // The times up to the next such heading say how often the node checks or repeats something.
  lookEveryMs: 500,
  /** The interval between checks of etcd while the node does not serve. */
  lookSoonMs: 100,
  askEveryMs: 200,
  askForMemberEveryMs: 500,
  compareEveryMs: minuteMs,
  /** The interval between comparisons if the data take more than 1 GB. */
  compareLargeEveryMs: hourMs,
  /** How long a node waits before it compares again if it differs or found no majority. */
  compareAgainMs: 2_000,
  upkeepEveryMs: minuteMs,
  expiryEveryMs: hourMs,
  /** How often the node asks a KMS for the state of its key. Each call costs a little money. */
  kmsKeyEveryMs: minuteMs,

  // The times up to the next such heading are for starting, restarting and ending the etcd process.
  etcdEndMs: programTimes.storeEndMs,
  restartFirstMs: 50,
  restartLastMs: 5_000,
  emptyStartMs: 30_000,
  /** How long an etcd on copied files may take to start: it reads all keys before it answers. */
  copyStartMs: 300_000,

  // The times from here on are for starting and ending the node process.
  /** How long `npm run cluster` waits for all its nodes. A node may first have to copy all data. */
  nodeStartMs: 60_000,
  nodeEndMs: programTimes.vaultEndMs,
} as const;
