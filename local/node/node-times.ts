/**
 * The times of a node and of its cluster, in milliseconds. A request has its own (functions/model/limits.ts).
 */
import { times } from '../../functions/model/limits.ts';
import { etcdTimes } from '../etcd/etcd-times.ts';
import { programTimes } from '../process/program-times.ts';

const minuteMs = 60_000;
const hourMs = 3_600_000;

export const nodeTimes = {
  // The node's own calls to its etcd. Those of requests end at `callsEndMs` of `local/etcd/etcd-times.ts`.
  etcdStatusMs: times.statusCallMs,
  /** Below `storeCallMs`, for which the caller of the front waits. */
  etcdCallMs: times.storeCallMs - 500,
  /** A change of the members, which a majority must agree to. */
  memberChangeMs: 3_000,
  /** Nobody waits for the upkeep. */
  upkeepCallMs: 5_000,
  /** A hash takes about half a millisecond for each megabyte of the database. */
  hashMs: 30_000,
  /** A file of 8 GiB takes about half a minute. */
  defragmentMs: 600_000,
  /** If a majority is there, a new leader is elected within this time. The front waits as long. */
  electionMs: etcdTimes.admitMs,

  // Calls to other nodes.
  /**
   * Another node is silent if it gives no report within this time, which is less than that between two
   * reports.
   */
  silenceMs: 900,
  reportEveryMs: 1_000,
  /** The giver of a member compares the copies first, and changes the members twice. */
  newMemberMs: 15_000,
  /**
   * A program that asks a node for its status waits this long, and the node's etcd has half of it for a hash.
   */
  statusMs: times.statusCallMs,
  freshReportMs: times.statusCallMs / 2,

  // How often the node looks and asks.
  lookEveryMs: 500,
  /** While it does not serve. */
  lookSoonMs: 100,
  askEveryMs: 200,
  askForMemberEveryMs: 500,
  compareEveryMs: minuteMs,
  /** Above 1 GB. */
  compareLargeEveryMs: hourMs,
  /** A node that differs, or whose comparison found no majority, tries again after this time. */
  compareAgainMs: 2_000,
  upkeepEveryMs: minuteMs,
  expiryEveryMs: hourMs,
  /** Until the master key is proved. */
  keyProofEveryMs: 2_000,
  /** A call to a KMS costs a little money. */
  kmsKeyEveryMs: minuteMs,

  // The process of etcd.
  etcdEndMs: programTimes.storeEndMs,
  restartFirstMs: 50,
  restartLastMs: 5_000,
  emptyStartMs: 30_000,
  /** etcd reads all keys before it answers. */
  copyStartMs: 300_000,

  // The process of a node.
  /**
   * `npm run cluster` waits so long for all its nodes. A node may first have to take a whole copy of the
   * data.
   */
  nodeStartMs: 60_000,
  nodeEndMs: programTimes.vaultEndMs,
} as const;
