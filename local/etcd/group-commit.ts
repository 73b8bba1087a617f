/**
 * Group commit. The cost of a call to etcd hardly depends on its content, so writes that wait while a call is in flight go
 * together in the next one: a transaction of nested transactions, each with its own compares and branches.
 *
 * etcd refuses a call that puts a key twice. So the writes of a group are disjoint: no key that one writes is written or
 * compared by another. Therefore each write has the result that it would have alone.
 */
import {
  type EtcdClient,
  isInvalidArgument,
  isTooManyRequests,
  type Operation,
  type Txn,
  type TxnReply,
} from './etcd-client.ts';
import { createFlights } from './flights.ts';
import type { Overlap } from './overlap.ts';
import { createQueue, latestOf, notSent, type Waiting } from './request-lane.ts';
import type { Revisions } from './revisions.ts';

type WriteReply = TxnReply & { readonly revision: string };

/**
 * Makes one transaction of etcd by `deadline` (`performance.now()`). Rejects with `NotSent` if it has no effect; after
 * any other rejection its effect is unclear.
 */
export type Write = (txn: Txn, deadline: number) => Promise<WriteReply>;

const groupBytesMax = 1_048_576;
/** etcd is started with `--max-txn-ops=2048`, which counts the operations of each level. */
const writesMax = 1_000;

const writtenKey = (operation: Operation): readonly string[] => {
  if ('request_put' in operation) return [operation.request_put.key.toString('latin1')];
  if (!('request_delete_range' in operation)) return [];
  return [operation.request_delete_range.key.toString('latin1')];
};

/** About the bytes that a write adds to a call. */
const bytesOf = ({ compare, success }: Txn): number =>
  compare.reduce((sum, { key }) => sum + 2 * key.length + 64, 0) +
  success.reduce(
    (sum, operation) =>
      'request_put' in operation
        ? sum + operation.request_put.key.length + operation.request_put.value.length + 16
        : sum + 128,
    0,
  );

/** Says of one write after the other, in the order of arrival, whether it joins the group. */
const createMembership = (): ((txn: Txn) => boolean) => {
  const written = new Set<string>();
  const compared = new Set<string>();
  let bytes = 0;
  let count = 0;
  return (txn) => {
    const writes = txn.success.flatMap(writtenKey);
    const compares = txn.compare.map(({ key }) => key.toString('latin1'));
    const isDisjoint =
      writes.every((key) => !written.has(key) && !compared.has(key)) &&
      compares.every((key) => !written.has(key));
    const size = bytesOf(txn);
    const joins = count === 0 || (isDisjoint && count < writesMax && bytes + size <= groupBytesMax);
    if (joins) {
      count += 1;
      bytes += size;
    }
    // A write that stays must not be overtaken by a later write of its keys.
    for (const key of writes) written.add(key);
    for (const key of compares) compared.add(key);
    return joins;
  };
};

const hasNoEffect = (error: unknown): boolean =>
  isInvalidArgument(error) || isTooManyRequests(error);

/** `gather` delays the sending of writes that are likely to have company. */
export const createWriteGroup = (
  etcd: EtcdClient,
  revisions: Revisions,
  gather: Overlap['gather'],
): Write => {
  const queue = createQueue<Txn, WriteReply>();
  const call = async (txn: Txn, deadline: number): Promise<WriteReply> => {
    const known = revisions.highest();
    try {
      const reply = await etcd.txn(txn, deadline);
      return { ...reply, revision: revisions.check(reply, known) };
    } catch (error) {
      throw hasNoEffect(error) ? notSent('etcd refused the call', error) : error;
    }
  };

  const sendAlone = async ({ request, deadline, resolve, reject }: Waiting<Txn, WriteReply>) =>
    await call(request, deadline).then(resolve, reject);

  const sendTogether = async (group: readonly Waiting<Txn, WriteReply>[]): Promise<void> => {
    const success = group.map(({ request }) => ({ request_txn: request }));
    try {
      const reply = await call({ compare: [], success, failure: [] }, latestOf(group));
      for (const [index, { resolve, reject }] of group.entries()) {
        const own = reply.responses[index]?.response_txn;
        if (own === undefined) reject(new Error('etcd answered for another number of writes'));
        else resolve({ ...own, revision: reply.revision });
      }
    } catch (error) {
      const isRefused = error instanceof Error && isInvalidArgument(error.cause);
      // The whole group has no effect, and one of its writes is at fault: the others are not refused for it.
      if (isRefused) await Promise.all(group.map(sendAlone));
      else for (const { reject } of group) reject(error);
    }
  };

  const pump = (): void => {
    if (queue.size() === 0 || !flights.isFree()) return;
    const [first, ...others] = queue.take(createMembership());
    if (first === undefined) return;
    flights.send(others.length === 0 ? sendAlone(first) : sendTogether([first, ...others]));
  };
  const flights = createFlights(pump);

  const sendSoon = gather(pump);

  return (txn, deadline) => {
    const reply = queue.add(txn, deadline);
    sendSoon();
    return reply;
  };
};
