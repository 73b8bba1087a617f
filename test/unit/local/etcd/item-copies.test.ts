import { describe, expect, it } from '@jest/globals';
import { createSeenItems } from '../../../../local/etcd/item-copies.ts';

const mebibyte = 1_048_576;
const seen = (bytes: number) => ({ item: { pk: { S: 'p' } }, revision: '1', bytes });

describe('the copies of items that were seen', () => {
  it('keep the newest items, of 8 MiB together', () => {
    const items = createSeenItems();
    const keys = Array.from({ length: 20 }, (_, n) => `k${n}`);
    for (const key of keys) items.keep(key, seen(mebibyte));
    // Each copy takes a little more than its item, so the eighth has no room.
    expect(keys.filter((key) => items.find(key))).toEqual(keys.slice(-7));
  });

  it('count an item once, however often it was seen', () => {
    const items = createSeenItems();
    items.keep('other', seen(mebibyte));
    for (let n = 0; n < 20; n += 1) items.keep('again', seen(mebibyte));
    expect(items.find('other')).toBeDefined();
  });

  it('hold no item that was seen to be absent', () => {
    const items = createSeenItems();
    items.keep('k', seen(1));
    items.keep('k', { item: undefined, revision: '0', bytes: 0 });
    expect(items.find('k')).toBeUndefined();
  });
});
