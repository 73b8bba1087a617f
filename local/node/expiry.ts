/**
 * Expiry: the leader's node deletes the items whose second has passed, as DynamoDB does by time to live. It sweeps each
 * hour, and once when its member becomes the leader.
 */
import type { EtcdClient } from '../etcd/etcd-client.ts';
import type { Front } from '../etcd/front.ts';
import type { MemberStatus } from '../etcd/member-client.ts';
import { expiredRange } from '../etcd/tables.ts';

export type ExpiryOptions = {
  readonly etcd: Pick<EtcdClient, 'range'>;
  /** Not guarded by the space of the nodes, as deletions gain space. */
  readonly front: Front;
  readonly tableName: string;
  /** The attribute that holds the second at which an item expires. */
  readonly attribute: string;
  readonly report: (line: string) => void;
};

const pageSize = 100;
const readWithinMs = 5_000;
const everyMs = 3_600_000;

/** Deletes the items that have expired before `second`, and returns how many. Rejects if a call fails. */
export const deleteExpired = async (options: ExpiryOptions, second: number): Promise<number> => {
  const { etcd, front, tableName: TableName, attribute } = options;
  const remove = async (key: Buffer): Promise<boolean> => {
    const { status, body } = await front('DeleteItem', {
      TableName,
      Key: JSON.parse(key.toString('utf8')),
      // A write since the entry was read may have given the item another expiry.
      ConditionExpression: '#expires < :now',
      ExpressionAttributeNames: { '#expires': attribute },
      ExpressionAttributeValues: { ':now': { N: String(second) } },
    });
    if (status === 200) return true;
    if (String(body['__type']).endsWith('#ConditionalCheckFailedException')) {
      return false;
    }
    throw new Error(String(body['message']));
  };

  let count = 0;
  let range = expiredRange(TableName, second);
  for (;;) {
    const page = await etcd.range(
      { ...range, limit: pageSize, sort_order: 'ASCEND' },
      performance.now() + readWithinMs,
    );
    // Sent at once, the deletions of a page go to etcd in one call.
    const deleted = await Promise.all(page.kvs.map(({ value }) => remove(value)));
    count += deleted.filter(Boolean).length;
    const last = page.kvs.at(-1);
    if (!page.more || last === undefined) return count;
    range = { ...range, key: Buffer.concat([last.key, Buffer.of(0)]) };
  }
};

/** Returns a function to be called each minute, which sweeps when it is time. It rejects if the sweep fails. */
export const createExpiry = (
  options: ExpiryOptions,
): ((status: Pick<MemberStatus, 'isLeader'>) => Promise<void>) => {
  let sweptAt: number | undefined;
  return async ({ isLeader }) => {
    if (!isLeader) sweptAt = undefined;
    const now = performance.now();
    if (!isLeader || (sweptAt !== undefined && now - sweptAt < everyMs)) return;
    const count = await deleteExpired(options, Math.floor(Date.now() / 1_000));
    if (count > 0) options.report(`${count} expired items were deleted`);
    sweptAt = now;
  };
};
