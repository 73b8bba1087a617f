/** Query and Scan: the pages of a range of etcd's keys, each at most 1 MB. */

import { sizeOfItem } from './attribute-values.ts';
import { type Item, invalid, type Json, type Value } from './dynamodb-protocol.ts';
import type { KeyValue } from './etcd-client.ts';
import type { KeyCondition } from './expressions.ts';
import type { Etcd } from './group-commit.ts';
import {
  endOfPrefix,
  type KeyRange,
  keyAfter,
  type NarrowRanges,
  type RangeNarrowing,
} from './narrow-ranges.ts';
import { exactItemKey, indexKey, keyNames, prefixOf, schemaOf, type Table } from './table-keys.ts';

export type Query = {
  readonly table: Table;
  readonly index: string | undefined;
  readonly range: KeyRange;
  readonly isForward: boolean;
  /** The key of the last item of the page before. */
  readonly start: Item | undefined;
  readonly limit: number | undefined;
};

/** As on DynamoDB. */
const pageBytesMax = 1_048_576;
/** PagePart in one call to etcd: items of at most 400 KiB each, or entries of an index, which are small. */
const itemsMax = 128;
const entriesMax = 1_000;

/** The range of keys that a key condition names. Throws a ValidationException for attributes that are no keys. */
export const rangeOf = (
  table: Table,
  index: string | undefined,
  { hash, range }: KeyCondition,
): KeyRange => {
  const [hashKey, rangeKey] = schemaOf(table, index);
  if (hash.attribute !== hashKey?.AttributeName) throw invalid('Query key condition not supported');
  const prefix = prefixOf(table, index, textOf(hash.value));
  if (range === undefined) return wholeOf(prefix);
  if (range.attribute !== rangeKey?.AttributeName) {
    throw invalid('Query key condition not supported');
  }
  const from = Buffer.from(`${prefix}${textOf(range.low)}`);
  // A key of an index goes on with NUL, and nothing lies between a key and its end and the same text with U+0001.
  const to = Buffer.from(`${prefix}${textOf(range.high)}\u0001`);
  if (to.compare(from) <= 0) {
    throw invalid('The BETWEEN operator requires an upper bound that is not below its lower bound');
  }
  return { from, to };
};

/** All keys that begin with `prefix`. */
export const wholeOf = (prefix: string): KeyRange => ({
  from: Buffer.from(prefix),
  to: endOfPrefix(prefix),
});

const textOf = ({ S }: Value): string => {
  if (S === undefined) throw invalid('A key is compared with a value of type S here');
  if (S.includes('\0')) throw invalid('A key does not contain NUL here');
  return S;
};

/**
 * One page, of at most `limit` items or 1 MB as on DynamoDB, and the bytes of its items. A call to etcd reads one
 * snapshot, none older than the page. A long page takes several calls.
 */
export const readPage = async (
  { etcd, narrow }: { readonly etcd: Etcd; readonly narrow: RangeNarrowing },
  query: Query,
  deadline: number,
): Promise<{ readonly body: Json; readonly bytes: number }> => {
  const { table, index } = query;
  const limit = query.limit ?? Number.POSITIVE_INFINITY;
  const items: Item[] = [];
  let bytes = 0;
  let rest: KeyRange | undefined = behindStart(query);
  while (rest !== undefined && items.length < limit) {
    const most = Math.min(limit - items.length, index === undefined ? itemsMax : entriesMax);
    const read: PagePart = query.isForward
      ? await readForward(etcd, narrow(rest), most, deadline)
      : await readBackward(etcd, rest, most, deadline);
    rest = read.rest;
    const found = read.kvs.map(({ value }): Item => JSON.parse(value.toString('utf8')));
    const fitting = countFitting(found, bytes);
    items.push(...found.slice(0, fitting));
    bytes += found.slice(0, fitting).reduce((sum, item) => sum + sizeOfItem(item), 0);
    if (fitting < found.length) {
      rest = query.range;
      break;
    }
  }
  const last = items.at(-1);
  return {
    body: {
      Items: items,
      Count: items.length,
      ScannedCount: items.length,
      ...(rest !== undefined && last && { LastEvaluatedKey: keyOf(table, last, index) }),
    },
    bytes,
  };
};

type PagePart = { readonly kvs: readonly KeyValue[]; readonly rest: KeyRange | undefined };

const readForward = async (
  etcd: Etcd,
  { ranges, take }: NarrowRanges,
  limit: number,
  deadline: number,
): Promise<PagePart> => {
  const requests = ranges.map(({ from, to }) => ({ key: from, range_end: to, limit }));
  return take(await etcd.read(requests, deadline), limit);
};

/** etcd reads and sorts all of the range, which is never more than a page of versions of a secret. */
const readBackward = async (
  etcd: Etcd,
  { from, to }: KeyRange,
  limit: number,
  deadline: number,
): Promise<PagePart> => {
  const request = { key: from, range_end: to, limit, sort_order: 'DESCEND' } as const;
  const [reply] = await etcd.read([request], deadline);
  const last = reply?.kvs.at(-1)?.key;
  return { kvs: reply?.kvs ?? [], rest: reply?.more && last ? { from, to: last } : undefined };
};

/** How many of these items still fit into a page that holds `bytes`. An item (400 KB) is smaller than a page (1 MB). */
const countFitting = (items: readonly Item[], bytes: number): number => {
  let sum = bytes;
  for (const [index, item] of items.entries()) {
    sum += sizeOfItem(item);
    if (sum > pageBytesMax) return index;
  }
  return items.length;
};

/** The range behind the start key, which must lie in the range of the query. */
const behindStart = (query: Query): KeyRange => {
  const { table, index, range, start } = query;
  if (start === undefined) return range;
  if (Object.keys(start).length !== keyNames(table, index).length) {
    throw invalid('The provided starting key is invalid');
  }
  const key = Buffer.from(
    index === undefined ? exactItemKey(table, start) : indexKey(table, index, start),
  );
  if (key.compare(range.from) < 0 || key.compare(range.to) >= 0) {
    throw invalid('The provided starting key is outside query boundaries');
  }
  return query.isForward ? { ...range, from: keyAfter(key) } : { ...range, to: key };
};

const keyOf = (table: Table, item: Item, index: string | undefined): Json =>
  Object.fromEntries(keyNames(table, index).map((name) => [name, item[name]]));
