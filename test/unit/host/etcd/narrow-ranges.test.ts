import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  createNarrowing,
  endOfPrefix,
  type KeyRange,
} from '../../../../host/etcd/narrow-ranges.ts';

/**
 * Keys in an etcd. For each page it counts all keys of the requested range, and `counted` is the
 * sum of these counts.
 */
const keysIn = (keys: readonly string[]) => {
  const sorted = keys.toSorted().map((key) => Buffer.from(key));
  let counted = 0;
  let calls = 0;
  const read = ({ from, to }: KeyRange, limit: number) => {
    const found = sorted.filter((key) => key.compare(from) >= 0 && key.compare(to) < 0);
    counted += found.length;
    const kvs = found.slice(0, limit).map((key) => ({ key }));
    return { kvs, more: found.length > limit, count: String(found.length) };
  };
  return {
    readPage: (
      narrow: ReturnType<typeof createNarrowing>,
      range: KeyRange,
      limit: number,
    ): readonly string[] => {
      const found: Buffer[] = [];
      for (let rest: KeyRange | undefined = range; rest && found.length < limit; ) {
        calls += 1;
        const { ranges, take } = narrow(rest);
        const most = limit - found.length;
        const taken = take(
          ranges.map((one) => read(one, most)),
          most,
        );
        found.push(...taken.kvs.map(({ key }) => key));
        rest = taken.rest;
      }
      return found.map(String);
    },
    spent: () => {
      const spent = { counted, calls };
      [counted, calls] = [0, 0];
      return spent;
    },
  };
};

const prefix = 'item/vault\0';
const whole = { from: Buffer.from(prefix), to: endOfPrefix(prefix) };
const hashed = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    createHash('sha256').update(String(index)).digest('hex').slice(0, 12),
  );
const forms: Readonly<Record<string, readonly string[]>> = {
  random: hashed(4_000),
  numbered: Array.from({ length: 4_000 }, (_, index) => `SERVICE_${index}_PASSWORD`),
  'in groups': hashed(40).flatMap((group) =>
    Array.from(
      { length: 100 },
      (_, index) => `${group}\0VERSION#${String(index).padStart(10, '0')}`,
    ),
  ),
  'with long common prefixes': hashed(8).flatMap((group) =>
    Array.from({ length: 500 }, (_, index) => `${group}${'x'.repeat(200)}${1_000 + index}`),
  ),
  uneven: ['A', 'B', ...hashed(3_998).map((name) => `M_SERVICE_${name}`), 'Z', 'ZZ'],
};

describe('a long range of keys', () => {
  it.each(Object.entries(forms))(
    'is read to its end in pages, while etcd counts fewer than 25 keys for each key that it returns: %s',
    (_, names) => {
      const keys = names.map((name) => prefix + name);
      const { readPage, spent } = keysIn(keys);
      const narrow = createNarrowing();
      const limit = 10;
      const all: string[] = [];
      for (let from = whole.from; ; ) {
        const page = readPage(narrow, { ...whole, from }, limit);
        all.push(...page);
        if (page.length < limit) break;
        from = Buffer.from(`${page.at(-1)}\0`);
      }
      expect(all).toEqual(keys.toSorted());
      const { counted, calls } = spent();
      // Without narrowing, each of 400 pages would count all keys after it: 200 times the number of
      // keys in all.
      expect(counted).toBeLessThan(25 * keys.length);
      expect(calls).toBeLessThan(4 * (keys.length / limit));
    },
  );

  it('is counted in full by the first read only, and later reads of its first page count fewer than 400 keys each', () => {
    const keys = hashed(4_000).map((name) => prefix + name);
    const { readPage, spent } = keysIn(keys);
    const narrow = createNarrowing();
    readPage(narrow, whole, 10);
    expect(spent().counted).toBe(4_000);
    for (let again = 0; again < 3; again += 1) {
      expect(readPage(narrow, whole, 10)).toEqual(keys.toSorted().slice(0, 10));
    }
    expect(spent().counted).toBeLessThan(3 * 400);
  });

  it('is no longer split into narrow ranges after a thousand other ranges were read', () => {
    const narrow = createNarrowing();
    const rangeOf = (index: number): KeyRange => {
      const prefix = `item/vault\0TENANT#t${index}#`;
      return { from: Buffer.from(prefix), to: endOfPrefix(prefix) };
    };
    for (let index = 0; index <= 1_000; index += 1) {
      const { from } = rangeOf(index);
      const kvs = [{ key: Buffer.concat([from, Buffer.from('SECRET#A')]) }];
      narrow(rangeOf(index)).take([{ kvs, more: true, count: '41' }], 1);
    }
    const isKnown = (index: number) => narrow(rangeOf(index)).ranges.length > 1;
    expect([isKnown(0), isKnown(1), isKnown(1_000)]).toEqual([false, true, true]);
  });

  it('includes a key that was added in front of its first one, and omits keys that were removed', () => {
    const names = hashed(1_000).toSorted();
    const narrow = createNarrowing();
    const pageOf = (keys: readonly string[]) =>
      keysIn(keys.map((name) => prefix + name))
        .readPage(narrow, whole, 3)
        .map((key) => key.slice(prefix.length));
    pageOf(names);
    expect(pageOf(['!', ...names])).toEqual(['!', ...names.slice(0, 2)]);
    expect(pageOf(names.slice(2))).toEqual(names.slice(2, 5));
  });

  it('returns exactly its keys in pages, wherever a page begins and whatever was read before', () => {
    const narrow = createNarrowing();
    const names = Object.values(forms).flat().slice(0, 2_000);
    const keys = names.map((name) => prefix + name).toSorted();
    const { readPage } = keysIn(keys);
    for (let start = 0; start < keys.length; start += 97) {
      const from = Buffer.from(keys[start] ?? '');
      for (const limit of [1, 2, 50]) {
        expect(readPage(narrow, { ...whole, from }, limit)).toEqual(
          keys.slice(start, start + limit),
        );
      }
    }
  });
});
