/**
 * The time limits of calls to etcd, in milliseconds. They are derived from those of a request
 * (`functions/model/limits.ts`).
 */
import { times } from '../../functions/model/limits.ts';

const snapshotLeaseMs = 60_000;

export const etcdTimes = {
  /**
   * Calls to etcd end this long before the time limit of the store call that they belong to.
   * Otherwise that limit would come first and hide whether etcd may have received a write.
   */
  answerMarginMs: 250,
  /**
   * Within this time a node says whether it serves a request, which leaves 450 ms for the call to
   * etcd.
   */
  admitMs: times.storeCallMs - 700,

  /**
   * A call without a reply blocks the next one no longer than this. After a leader's death a call
   * may hang for seconds, while new ones are answered.
   */
  overtakeMs: 250,
  /**
   * Requests count as overlapping if two were in flight at the same time within the last 25 ms.
   * Then the next one waits for `gatherMs`, so that others can share its call.
   */
  overlapMs: 25,
  gatherMs: 2,

  /**
   * How long gRPC waits before it connects again, at first and at most. Its defaults are 1 s and
   * 120 s, which is too long for a restarted member that is back within seconds.
   */
  reconnectFirstMs: 100,
  reconnectLastMs: 500,
  keepAliveMs: 5_000,
  keepAliveReplyMs: 2_000,

  snapshotLeaseMs,
  /** How often a snapshot renews its lease. The lease survives three failed renewals in a row. */
  snapshotRenewMs: snapshotLeaseMs / 4,
  /** The limit for one call of a snapshot. A backup can wait longer than a caller's request. */
  snapshotCallMs: 2 * times.storeCallMs,
  snapshotRetryMs: 200,
  /**
   * How long opening a snapshot may take. This is longer than etcd takes to elect a leader, so a
   * backup can begin during an election.
   */
  snapshotOpenMs: 2 * times.storeCallMs,
  snapshotReadMs: 30_000,
} as const;
