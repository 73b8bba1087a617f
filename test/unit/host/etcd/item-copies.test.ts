import { describe, expect, it } from '@jest/globals';
import { createItemCopies } from '../../../../host/etcd/item-copies.ts';

const mebibyte = 1_048_576;
const copyOf = (bytes: number) => ({ item: { pk: { S: 'p' } }, revision: '1', bytes });

describe('the local copies of items', () => {
  it('keep the newest items, up to 8 MiB in all', () => {
    const items = createItemCopies();
    const keys = Array.from({ length: 20 }, (_, n) => `k${n}`);
    for (const key of keys) items.keep(key, copyOf(mebibyte));
    // A copy takes slightly more room than its item of one mebibyte, so seven copies fit, but not
    // eight.
    expect(keys.filter((key) => items.find(key))).toEqual(keys.slice(-7));
  });

  it('count the size of an item only once toward their limit, however often it is kept', () => {
    const items = createItemCopies();
    items.keep('other', copyOf(mebibyte));
    for (let n = 0; n < 20; n += 1) items.keep('again', copyOf(mebibyte));
    expect(items.find('other')).toBeDefined();
  });

  it('drop an item that no longer exists', () => {
    const items = createItemCopies();
    items.keep('k', copyOf(1));
    items.keep('k', { item: undefined, revision: '0', bytes: 0 });
    expect(items.find('k')).toBeUndefined();
  });
});
