import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Item } from '../../../../functions/store/items.ts';
import type { Operation } from '../../../../host/etcd/etcd-client.ts';
import {
  changesOf,
  itemKey,
  itemPrefix,
  parseItem,
  textOf,
} from '../../../../host/etcd/stored-items.ts';
import { goldenItems } from '../../../support/golden-items.ts';

/** What all releases store in etcd for the golden items, by key. */
const golden: Readonly<Record<string, string>> = JSON.parse(
  readFileSync('test/vectors/etcd-items.json', 'utf8'),
);
const keyOf = ({ pk, sk }: Item) => itemKey({ pk: pk?.S ?? '', sk: sk?.S ?? '' });
const putsIn = (operations: readonly Operation[]) =>
  operations.flatMap((operation) => {
    if (!('request_put' in operation)) return [];
    const { key, value } = operation.request_put;
    return [[key.toString('utf8'), value.toString('utf8')] as const];
  });
const removedIn = (operations: readonly Operation[]) =>
  operations.flatMap((operation) =>
    'request_delete_range' in operation
      ? [operation.request_delete_range.key.toString('utf8')]
      : [],
  );
const nextOf = (item: Item) => ({ item, text: textOf(item) });
const record = { pk: { S: 'p' }, sk: { S: 's' } };
const expiring = (expiresAt: Item[string]): Item => ({ ...record, expiresAt });

// Shows G16.
describe('what a node stores in etcd', () => {
  it('is byte for byte what earlier releases wrote: items, index and expiry entries', () => {
    const written = goldenItems.flatMap((item) =>
      putsIn(changesOf(keyOf(item), undefined, nextOf(item))),
    );
    expect(Object.fromEntries(written)).toEqual(golden);
  });

  it('is read as it was written', () => {
    for (const item of goldenItems) {
      const stored = parseItem(Buffer.from(golden[keyOf(item).toString('utf8')] ?? ''));
      expect(textOf(stored)).toBe(textOf(item));
      expect(stored).toEqual(parseItem(Buffer.from(textOf(item))));
    }
  });
});

describe('the index and expiry entries of an item', () => {
  it.each([
    [{ N: '7' }, ['expiry/vault\x00000000000007\0p\0s']],
    [{ N: '1000000000000' }, []],
    [{ S: '7' }, []],
  ])(
    'include an expiry entry only for whole seconds of at most twelve digits: %j',
    (expiresAt, expected) => {
      const puts = putsIn(
        changesOf(keyOf(record), undefined, nextOf(expiring(expiresAt as never))),
      );
      expect(puts.map(([key]) => key).filter((key) => key.startsWith('expiry/'))).toEqual(expected);
    },
  );

  it('are written only where they change, and removed with the item', () => {
    const [head] = goldenItems;
    if (head === undefined) throw new Error('there is no head');
    const key = keyOf(head);
    const next = { ...head, version: { N: '3' } };
    expect(putsIn(changesOf(key, head, nextOf(next))).map(([at]) => at)).toEqual([String(key)]);
    const deleted = changesOf(key, head, nextOf({ ...head, tenant: { S: 'demo#DELETED' } }));
    expect(putsIn(deleted)[1]?.[0]).toMatch(/^index\/vault\0byTenant\0demo#DELETED\0/);
    expect(removedIn(deleted)).toEqual([expect.stringMatching(/^index\/vault\0byTenant\0demo\0/)]);
    expect(removedIn(changesOf(key, head, undefined))).toEqual([
      String(key),
      expect.stringMatching(/^index\//),
    ]);
  });

  it('need an item key without NUL and unpaired surrogates, so that no key can be mistaken for another', () => {
    expect(() => itemKey({ pk: 'p\0s', sk: '' })).toThrow('contains NUL');
    expect(() => itemKey({ pk: 'p\ud800', sk: '' })).toThrow('not well-formed');
    expect(() => itemPrefix('p\0')).toThrow('contains NUL');
  });
});
