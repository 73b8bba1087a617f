/** Deletes the items whose second has passed, as DynamoDB does by time to live. */
import { isAsExpected } from '../../functions/store/expected.ts';
import type { Item, ItemKey } from '../../functions/store/items.ts';
import type { Etcd } from './group-commit.ts';
import { createGuardedWrites, type ItemWrite } from './guarded-writes.ts';
import { keyAfter } from './narrow-ranges.ts';
import { expiredRange, parseItem } from './stored-items.ts';

const pageSize = 100;

const keyIn = (entry: Buffer): ItemKey => {
  const { pk, sk } = parseItem(entry);
  return { pk: pk?.S ?? '', sk: sk?.S ?? '' };
};

/**
 * Deletes the items that have expired before `second`, and returns how many. Each call to etcd ends after `callMs`. Rejects
 * if one fails.
 */
export const deleteExpired = async (
  etcd: Etcd,
  second: number,
  callMs: number,
): Promise<number> => {
  const { write } = createGuardedWrites(etcd);
  // A write since the entry was read may have given the item another expiry.
  const isExpected = (stored: Item | undefined): boolean =>
    stored !== undefined && isAsExpected({ is: 'expired', second }, stored);
  const remove = async (key: ItemKey): Promise<boolean> => {
    const removal: ItemWrite = { key, isExpected, change: 'delete' };
    return (await write([removal], performance.now() + callMs)).outcome === 'written';
  };

  let count = 0;
  let range = expiredRange(second);
  for (;;) {
    const [page] = await etcd.read([{ ...range, limit: pageSize }], performance.now() + callMs);
    // Sent at once, the deletions of a page go to etcd in one call.
    const deleted = await Promise.all((page?.kvs ?? []).map(({ value }) => remove(keyIn(value))));
    count += deleted.filter(Boolean).length;
    const last = page?.kvs.at(-1);
    if (!page?.more || last === undefined) return count;
    range = { ...range, key: keyAfter(last.key) };
  }
};
