/**
 * Reads all items of a table as of one revision, while writes go on. To keep etcd from compacting
 * that revision away, a key in etcd protects it: `snapshot/<id>`, whose create revision is the
 * oldest that its owner still reads (node/upkeep.ts). The key has a lease, so it disappears if its
 * owner dies.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Item, ItemKey } from '../../functions/store/items.ts';
import { failure, sentenceOf } from '../../system/failures.ts';
import {
  type EtcdClient,
  isCompacted,
  type KeyValue,
  openChannel,
  type RangeReply,
  type RangeRequest,
  type Txn,
  type TxnReply,
} from './etcd-client.ts';
import { etcdTimes } from './etcd-times.ts';
import { createNarrowing, endOfPrefix, type KeyRange } from './narrow-ranges.ts';
import { itemKey, itemPrefix, parseItem } from './stored-items.ts';

export type Snapshot = {
  /** A revision that includes every write acknowledged before the snapshot was opened. */
  readonly revision: string;
  /**
   * Yields all items in pages, in the order of their keys. Throws a user-facing error if the
   * revision has been compacted, if an item is damaged, or if etcd does not answer for half a
   * minute.
   */
  readonly pages: () => AsyncGenerator<readonly Item[]>;
  /** Allows etcd to compact the revision. */
  readonly close: () => Promise<void>;
};

const keyPrefix = 'snapshot/';
const pageBytes = 4 * 1_048_576;
const firstLimit = 128;
const limitMax = 4_096;

/** Returns the oldest revision that any open snapshot reads; `undefined` if there is none. */
export const findHeldRevision = async (
  etcd: Pick<EtcdClient, 'range'>,
  deadline: number,
): Promise<number | undefined> => {
  const range = { key: Buffer.from(keyPrefix), range_end: endOfPrefix(keyPrefix) };
  const { kvs } = await etcd.range(range, deadline);
  const revisions = kvs.map(({ create_revision: revision }) => Number(revision));
  return revisions.length === 0 ? undefined : Math.min(...revisions);
};

/**
 * Repeats a call until it succeeds. Throws a user-facing error that begins with `sentence` after
 * `withinMs`, and a different one if the revision of the snapshot has been compacted.
 */
const untilAnswered = async <Result>(
  call: (deadline: number) => Promise<Result>,
  withinMs: number,
  sentence: string,
): Promise<Result> => {
  const until = performance.now() + withinMs;
  for (;;) {
    try {
      return await call(Math.min(until, performance.now() + etcdTimes.snapshotCallMs));
    } catch (error) {
      if (isCompacted(error)) {
        throw failure(
          'etcd has forgotten the moment that was being copied: its database is near its quota, or a majority of the ' +
            'nodes was away for a minute. Run this again when the nodes serve and have space',
          { cause: error },
        );
      }
      if (performance.now() > until) {
        throw failure(`${sentence} (${sentenceOf(error)})`, { cause: error });
      }
      await sleep(etcdTimes.snapshotRetryMs);
    }
  }
};

/**
 * Protects the current revision of the etcd at this address (`unix:/path`), so that the table can
 * be copied. Throws a user-facing error if etcd accepts no write within `snapshotOpenMs`, for
 * example because it has no majority.
 */
export const openSnapshot = async (
  address: string,
  renewEveryMs: number = etcdTimes.snapshotRenewMs,
): Promise<Snapshot> => {
  const channel = openChannel(address);
  const range = channel.call<RangeRequest, RangeReply>('KV', 'Range');
  const txn = channel.call<Txn, TxnReply>('KV', 'Txn');
  const grant = channel.call<{ TTL: number }, { ID: string }>('Lease', 'LeaseGrant');
  const key = Buffer.from(`${keyPrefix}${randomUUID()}`);
  const write = (success: Txn['success'], deadline: number) =>
    txn({ compare: [], success, failure: [] }, deadline);

  /**
   * Puts the key under a new lease, which replaces the previous one. Returns the revision of that
   * write.
   */
  const hold = async (deadline: number): Promise<string> => {
    const { ID: lease } = await grant({ TTL: etcdTimes.snapshotLeaseMs / 1_000 }, deadline);
    const { header } = await write([{ request_put: { key, value: Buffer.of(), lease } }], deadline);
    return header?.revision ?? '0';
  };
  let holding: Promise<unknown> = Promise.resolve();
  const renew = (): void => {
    holding = holding
      .then(() => hold(performance.now() + etcdTimes.snapshotCallMs))
      .catch(() => undefined);
  };
  let timer: NodeJS.Timeout | undefined;
  const close = async (): Promise<void> => {
    clearInterval(timer);
    await holding;
    const remove = [{ request_delete_range: { key } }];
    await write(remove, performance.now() + etcdTimes.snapshotCallMs).catch(() => undefined);
    channel.close();
  };

  try {
    const without = 'etcd accepts no write, so it is unknown what was written last';
    const revision = await untilAnswered(hold, etcdTimes.snapshotOpenMs, without);
    timer = setInterval(renew, renewEveryMs).unref();
    return { revision, pages: () => readPages(range, { revision }), close };
  } catch (error) {
    channel.close();
    throw error;
  }
};

const itemOf = ({ key, value }: KeyValue): Item => {
  try {
    return parseItem(value);
  } catch (error) {
    const name = key.toString('utf8').split('\0').slice(1).join(' ');
    throw failure(`the item ${name} is damaged on this node: use another node`, { cause: error });
  }
};

/** Retries the read until etcd answers. */
const readUntilAnswered = async (
  range: EtcdClient['range'],
  request: RangeRequest,
): Promise<RangeReply> => {
  const read = (deadline: number) => range(request, deadline);
  return await untilAnswered(read, etcdTimes.snapshotReadMs, 'etcd does not answer');
};

/**
 * Returns the current item at a key. Throws a user-facing error if it is damaged or etcd does not
 * answer.
 */
export const readItemAt = async (
  range: EtcdClient['range'],
  key: ItemKey,
): Promise<Item | undefined> => {
  const { kvs } = await readUntilAnswered(range, { key: itemKey(key) });
  return kvs.map(itemOf)[0];
};

/**
 * Yields all items, or those of one partition, as of a revision that the member has applied.
 * Without a revision, each page shows the state when it is read. Pages may be empty. Throws like
 * `pages` of a snapshot.
 */
export async function* readPages(
  range: EtcdClient['range'],
  { pk, revision }: { readonly pk?: string | undefined; readonly revision?: string },
): AsyncGenerator<readonly Item[]> {
  const prefix = itemPrefix(pk);
  const narrow = createNarrowing();
  let limit = firstLimit;
  let rest: KeyRange | undefined = { from: Buffer.from(prefix), to: endOfPrefix(prefix) };
  while (rest !== undefined) {
    const { ranges, take } = narrow(rest);
    const replies: RangeReply[] = [];
    for (const { from: key, to: range_end } of ranges) {
      // The member has applied the revision, so it can answer without asking the other members.
      const asOf = revision === undefined ? {} : { revision, serializable: true };
      replies.push(await readUntilAnswered(range, { key, range_end, limit, ...asOf }));
    }
    const { kvs, rest: left } = take(replies, limit);
    yield kvs.map(itemOf);
    rest = left;
    const bytes = kvs.reduce((sum, { value }) => sum + value.length, 1);
    limit = Math.min(limitMax, Math.max(firstLimit, Math.floor((kvs.length * pageBytes) / bytes)));
  }
}
