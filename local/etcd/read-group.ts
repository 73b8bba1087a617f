/**
 * Reads that wait while others are in flight go together as one read-only transaction: one snapshot, taken after all of
 * them arrived. A read never joins a call that was sent before it arrived.
 */
import type { EtcdClient, Range, RangeReply } from './client.ts';
import { createQueue, latestOf } from './queue.ts';
import type { Revisions } from './revisions.ts';

/** The ranges at one revision. Rejects if etcd does not answer by `deadline` (`performance.now()`). */
export type Read = (ranges: readonly Range[], deadline: number) => Promise<readonly RangeReply[]>;

/** A hundred values of 64 KiB are 6.4 MiB. */
const keysMax = 100;
const callsMax = 2;

export const createReadGroup = (etcd: EtcdClient, revisions: Revisions): Read => {
  const queue = createQueue<readonly Range[], readonly RangeReply[]>();
  let inFlight = 0;

  const send = async (
    ranges: readonly Range[],
    deadline: number,
  ): Promise<readonly RangeReply[]> => {
    const known = revisions.highest();
    const [only, ...others] = ranges;
    if (only !== undefined && others.length === 0) {
      const reply = await etcd.range(only, deadline);
      revisions.check(reply, known);
      return [reply];
    }
    const success = ranges.map((request_range) => ({ request_range }));
    const reply = await etcd.txn({ compare: [], success, failure: [] }, deadline);
    revisions.check(reply, known);
    return reply.responses.map(({ response_range }) => response_range ?? { kvs: [], more: false });
  };

  const takeGroup = () => {
    let keys = 0;
    let isFull = false;
    return queue.take((ranges) => {
      isFull ||= keys > 0 && keys + ranges.length > keysMax;
      if (!isFull) keys += ranges.length;
      return !isFull;
    });
  };

  const pump = async (): Promise<void> => {
    if (queue.size() === 0 || inFlight >= callsMax) return;
    const group = takeGroup();
    inFlight += 1;
    try {
      const replies = await send(
        group.flatMap(({ request }) => request),
        latestOf(group),
      );
      let from = 0;
      for (const { request, resolve } of group) {
        resolve(replies.slice(from, from + request.length));
        from += request.length;
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    } finally {
      inFlight -= 1;
      void pump();
    }
  };

  return (ranges, deadline) => {
    const reply = queue.add(ranges, deadline);
    void pump();
    return reply;
  };
};
