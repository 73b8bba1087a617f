import { describe, expect, it } from '@jest/globals';
import { createItemCopies } from '../../../../local/etcd/item-copies.ts';

const mebibyte = 1_048_576;
const copyOf = (bytes: number) => ({ item: { pk: { S: 'p' } }, revision: '1', bytes });

describe('the copies of items', () => {
  it('keep the newest items, of 8 MiB together', () => {
    const items = createItemCopies();
    const keys = Array.from({ length: 20 }, (_, n) => `k${n}`);
    for (const key of keys) items.keep(key, copyOf(mebibyte));
    // Each copy takes a little more than its item, so the eighth has no room.
    expect(keys.filter((key) => items.find(key))).toEqual(keys.slice(-7));
  });

  it('count an item once, however often it was kept', () => {
    const items = createItemCopies();
    items.keep('other', copyOf(mebibyte));
    for (let n = 0; n < 20; n += 1) items.keep('again', copyOf(mebibyte));
    expect(items.find('other')).toBeDefined();
  });

  it('hold no item that became absent', () => {
    const items = createItemCopies();
    items.keep('k', copyOf(1));
    items.keep('k', { item: undefined, revision: '0', bytes: 0 });
    expect(items.find('k')).toBeUndefined();
  });
});
