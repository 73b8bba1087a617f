/** The time table of this layer, in milliseconds, derived from that of a request (`functions/model/limits.ts`). */
import { times } from '../../functions/model/limits.ts';

/** A front answers before the functions give their call up, so that they hear what is known. */
const answerMs = times.storeCallMs - 200;
const snapshotLeaseMs = 60_000;

export const etcdTimes = {
  answerMs,
  /**
   * The time limit of all calls to etcd for one request, from the moment at which the front took the request: 2,250 ms, the
   * deadline that `etcd-client.ts` gives to gRPC. A call that has not left by then never will. The front still has time to
   * answer what is known. A node's own calls have limits in `local/node/node-times.ts`.
   */
  callsEndMs: answerMs - 50,
  /** So long before the end of a call of the functions its calls to etcd end, so that it can say what is known. */
  answerMarginMs: times.storeCallMs - (answerMs - 50),
  /** A node says by then whether it serves, so that 500 ms are left for the call to etcd. */
  admitMs: answerMs - 500,

  /**
   * A call without a reply for so long no longer holds up the next one: after a leader's death a call can hang for
   * seconds while new ones are answered.
   */
  overtakeMs: 250,
  /** Requests overlap if two were under way at once within the last 25 ms. Then the next one waits for company. */
  overlapMs: 25,
  gatherMs: 2,

  /** gRPC itself waits 1 s after the first failed connection, and up to 120 s after more. A member is back in seconds. */
  reconnectFirstMs: 100,
  reconnectLastMs: 500,
  keepAliveMs: 5_000,
  keepAliveReplyMs: 2_000,

  snapshotLeaseMs,
  /** Three renewals in a row may fail. */
  snapshotRenewMs: snapshotLeaseMs / 4,
  /** One call of a snapshot, for which a backup waits longer than a function would. */
  snapshotCallMs: 2 * times.storeCallMs,
  snapshotRetryMs: 200,
  /** Longer than the election of a leader takes. */
  snapshotOpenMs: 2 * times.storeCallMs,
  snapshotReadMs: 30_000,
} as const;
