/** Deletes expired items, as DynamoDB's time to live does. */
import { isAsExpected } from '../../functions/store/expected.ts';
import { type Item, type ItemKey, keyIn } from '../../functions/store/items.ts';
import type { Etcd } from './group-commit.ts';
import { createGuardedWrites, type ItemWrite } from './guarded-writes.ts';
import { keyAfter } from './narrow-ranges.ts';
import { expiredRange, parseItem } from './stored-items.ts';

const pageSize = 100;

/**
 * Deletes the items that expired before `second`, and returns how many. Each call to etcd ends
 * after `callMs`. Rejects if a call fails.
 */
export const deleteExpired = async (
  etcd: Etcd,
  second: number,
  callMs: number,
): Promise<number> => {
  const { write } = createGuardedWrites(etcd);
  // Checks the stored item again before it is deleted, because a write may have changed its expiry
  // since the expiry entry was read.
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
    // The deletions of a page run concurrently, so that they share calls to etcd.
    const deleted = await Promise.all(
      (page?.kvs ?? []).map(({ value }) => remove(keyIn(parseItem(value)))),
    );
    count += deleted.filter(Boolean).length;
    const last = page?.kvs.at(-1);
    if (!page?.more || last === undefined) return count;
    range = { ...range, key: keyAfter(last.key) };
  }
};
