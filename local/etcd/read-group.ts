/**
 * Reads that wait while a call is in flight go together as one read-only transaction: one snapshot, taken after all of
 * them arrived. A read never joins a call that was sent before it arrived.
 */
import type { EtcdClient, Range, RangeReply } from './etcd-client.ts';
import { createFlights } from './flights.ts';
import type { Overlap } from './overlap.ts';
import { createQueue, latestOf } from './request-lane.ts';
import type { Revisions } from './revisions.ts';

/** The ranges at one revision. Rejects if etcd does not answer by `deadline` (`performance.now()`). */
export type Read = (ranges: readonly Range[], deadline: number) => Promise<readonly RangeReply[]>;

/** A hundred values of 64 KiB are 6.4 MiB. */
const keysMax = 100;

/** The keys that a read counts as. A page may hold as much as all the others together, so it goes alone. */
const countKeys = (ranges: readonly Range[]): number =>
  ranges.reduce((sum, { range_end: end }) => sum + (end === undefined ? 1 : keysMax), 0);

/** `gather` delays the sending of reads that are likely to have company. */
export const createReadGroup = (
  etcd: EtcdClient,
  revisions: Revisions,
  gather: Overlap['gather'],
): Read => {
  const queue = createQueue<readonly Range[], readonly RangeReply[]>();

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
    return queue.take((ranges) => {
      const more = countKeys(ranges);
      const isFull = keys > 0 && keys + more > keysMax;
      if (!isFull) keys += more;
      return !isFull;
    });
  };

  type Group = ReturnType<typeof takeGroup>;

  const sendTogether = async (group: Group): Promise<void> => {
    try {
      const ranges = group.flatMap(({ request }) => request);
      const replies = await send(ranges, latestOf(group));
      let from = 0;
      for (const { request, resolve } of group) {
        resolve(replies.slice(from, from + request.length));
        from += request.length;
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  };

  const pump = (): void => {
    if (queue.size() > 0 && flights.isFree()) flights.send(sendTogether(takeGroup()));
  };
  const flights = createFlights(pump);
  const sendSoon = gather(pump);

  return (ranges, deadline) => {
    const reply = queue.add(ranges, deadline);
    sendSoon();
    return reply;
  };
};
