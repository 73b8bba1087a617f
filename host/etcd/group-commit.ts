/**
 * The calls from one node to its etcd member.
 *
 * Waiting writes share one transaction, in which each is a nested transaction with its own compares
 * and branches. Waiting reads share one read-only transaction. So each request gets the result that
 * it would get alone. etcd refuses a call that puts a key twice, so the writes of a group must not
 * overlap.
 */
import { NotSent } from '../../functions/store/ports.ts';
import {
  type EtcdClient,
  isInvalidArgument,
  isTooManyRequests,
  type Operation,
  type RangeReply,
  type RangeRequest,
  type Txn,
  type TxnReply,
} from './etcd-client.ts';
import { createLane, createOverlap, type Group, type WaitingRequest } from './request-lane.ts';

/**
 * Reads the ranges at one revision, which is not older than the call. `deadline` is in the time of
 * `performance.now()`. Rejects if etcd does not answer by then, or by the latest deadline of the
 * requests that share the call to etcd.
 */
type ReadCall = (
  ranges: readonly RangeRequest[],
  deadline: number,
) => Promise<readonly RangeReply[]>;

type WriteReply = TxnReply & { readonly revision: string };
/**
 * Runs one etcd transaction. `deadline` means the same as in `ReadCall`. Rejects with `NotSent` if
 * the transaction had no effect. After any other rejection, its effect is unknown.
 */
type WriteCall = (txn: Txn, deadline: number) => Promise<WriteReply>;

export type Etcd = { readonly read: ReadCall; readonly write: WriteCall };

export type EtcdOptions = {
  readonly client: EtcdClient;
  /**
   * Called with a message when etcd's revision is lower than one that it returned before, or when
   * it answers for another cluster. The node must then stop serving.
   */
  readonly onGoneBack: (sentence: string) => void;
  /** Called with the revision of each reply before the request gets its result. */
  readonly onAnswer?: ((revision: number) => void) | undefined;
};

export const createEtcd = (options: EtcdOptions): Etcd => {
  const { client } = options;
  const check = createReplyCheck(options);

  const readAll: ReadCall = async (ranges, deadline) => {
    const [only, ...others] = ranges;
    if (only !== undefined && others.length === 0) {
      return [await check(client.range(only, deadline))];
    }
    const success = ranges.map((request_range) => ({ request_range }));
    const { responses } = await check(client.txn({ compare: [], success, failure: [] }, deadline));
    return responses.map(({ response_range }) => response_range ?? { kvs: [], more: false });
  };

  const readTogether = async (
    group: Group<readonly RangeRequest[], readonly RangeReply[]>,
  ): Promise<void> => {
    try {
      const replies = await readAll(
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
    }
  };

  const writeOne: WriteCall = async (txn, deadline) => {
    try {
      return await check(client.txn(txn, deadline));
    } catch (error) {
      const hasNoEffect = isInvalidArgument(error) || isTooManyRequests(error);
      throw hasNoEffect ? new NotSent('unavailable', { cause: error }) : error;
    }
  };

  const writeAlone = async ({
    request,
    deadline,
    resolve,
    reject,
  }: WaitingRequest<Txn, WriteReply>) => await writeOne(request, deadline).then(resolve, reject);

  const writeTogether = async (group: Group<Txn, WriteReply>): Promise<void> => {
    const [first, ...others] = group;
    if (others.length === 0) return await writeAlone(first);
    const success = group.map(({ request }) => ({ request_txn: request }));
    try {
      const reply = await writeOne({ compare: [], success, failure: [] }, latestOf(group));
      for (const [index, { resolve, reject }] of group.entries()) {
        const own = reply.responses[index]?.response_txn;
        if (own === undefined) reject(new Error('etcd answered for another number of writes'));
        else resolve({ ...own, revision: reply.revision });
      }
    } catch (error) {
      const isRefused = error instanceof Error && isInvalidArgument(error.cause);
      // etcd refused the whole group because of one write in it, so nothing was written. Each write
      // is sent alone, so that the others succeed.
      if (isRefused) await Promise.all(group.map(writeAlone));
      else for (const { reject } of group) reject(error);
    }
  };

  const overlap = createOverlap();
  return {
    read: createLane({ startGroup: startGroupOfReads, send: readTogether, overlap }),
    write: createLane({ startGroup: startGroupOfWrites, send: writeTogether, overlap }),
  };
};

/** The latest deadline of the requests that share a call. */
const latestOf = (group: readonly { readonly deadline: number }[]): number =>
  Math.max(...group.map(({ deadline }) => deadline));

/**
 * Returns a function that awaits the reply of a call that was just made. It rejects and reports a
 * reply from another cluster, or one whose revision is lower than the highest known when the call
 * was made: the member has lost data that it had acknowledged.
 */
const createReplyCheck = ({ onGoneBack, onAnswer }: EtcdOptions) => {
  let highest = 0n;
  let cluster: string | undefined;
  return async <Reply extends Pick<RangeReply | TxnReply, 'header'>>(
    call: Promise<Reply>,
  ): Promise<Reply & { readonly revision: string }> => {
    const known = highest;
    const reply = await call;
    const { revision, cluster_id: from } = reply.header ?? { revision: '0', cluster_id: '' };
    cluster ??= from;
    const sentence =
      cluster === from
        ? `etcd answers at revision ${revision}, below ${known} that it had answered before`
        : `etcd answers for cluster ${from}, not ${cluster}`;
    if (cluster !== from || BigInt(revision) < known) {
      onGoneBack(sentence);
      throw new Error(sentence);
    }
    if (BigInt(revision) > highest) highest = BigInt(revision);
    onAnswer?.(Number(revision));
    return { ...reply, revision };
  };
};

/**
 * The maximum number of keys that one call reads, to bound the reply. A hundred of the largest
 * items, which store a value of 64 KiB as base64, take about 9 MB.
 */
const keysMax = 100;

/**
 * Counts the keys that a request reads. A range counts as `keysMax` keys, because a page can have
 * that many, so it never shares a call with other requests.
 */
const countKeys = (ranges: readonly RangeRequest[]): number =>
  ranges.reduce((sum, { range_end: end }) => sum + (end === undefined ? 1 : keysMax), 0);

const startGroupOfReads = (): ((ranges: readonly RangeRequest[]) => boolean) => {
  let keys = 0;
  return (ranges) => {
    const more = countKeys(ranges);
    const isFull = keys > 0 && keys + more > keysMax;
    if (!isFull) keys += more;
    return !isFull;
  };
};

const groupBytesMax = 1_048_576;
/**
 * The maximum number of writes per call. Each is one operation of the shared transaction, and etcd
 * accepts 2,048 operations on each level of nesting (`--max-txn-ops` in node/member.ts).
 */
const writesMax = 1_000;

const writtenKey = (operation: Operation): readonly string[] => {
  if ('request_put' in operation) return [operation.request_put.key.toString('latin1')];
  if (!('request_delete_range' in operation)) return [];
  return [operation.request_delete_range.key.toString('latin1')];
};

/** The approximate number of bytes that a write adds to a call. */
const bytesOf = ({ compare, success }: Txn): number =>
  compare.reduce((sum, { key }) => sum + 2 * key.length + 64, 0) +
  success.reduce(
    (sum, operation) =>
      'request_put' in operation
        ? sum + operation.request_put.key.length + operation.request_put.value.length + 16
        : sum + 128,
    0,
  );

/**
 * No key that one write of a group puts or deletes may be compared by another. Each write compares
 * the items that it puts or deletes, so no key is put twice either.
 */
const startGroupOfWrites = (): ((txn: Txn) => boolean) => {
  const written = new Set<string>();
  const compared = new Set<string>();
  let bytes = 0;
  let count = 0;
  return (txn) => {
    const writes = txn.success.flatMap(writtenKey);
    const compares = txn.compare.map(({ key }) => key.toString('latin1'));
    const isDisjoint =
      writes.every((key) => !compared.has(key)) && compares.every((key) => !written.has(key));
    const size = bytesOf(txn);
    const joins = count === 0 || (isDisjoint && count < writesMax && bytes + size <= groupBytesMax);
    if (joins) {
      count += 1;
      bytes += size;
      for (const key of writes) written.add(key);
    }
    // What a write compares counts even if it does not join. Otherwise a later write of these keys
    // could join this group and overtake it.
    for (const key of compares) compared.add(key);
    return joins;
  };
};
