/**
 * Chooses which parts of a long range to read, page by page. etcd counts all keys of a range even
 * if it returns only a few, and applies no writes meanwhile: a page of 100 out of a million keys
 * takes as long as counting the million. So a page is read from narrow ranges. Their width is
 * learned from previous pages; a wrong guess costs one more call, or one count of the whole range.
 */
import type { KeyValue, RangeReply } from './etcd-client.ts';

/** From `from` to `to`, which is excluded. */
export type KeyRange = { readonly from: Buffer; readonly to: Buffer };

type NarrowRanges = {
  /**
   * The ranges to read in one call, each with the same limit. The first begins where the long range
   * begins.
   */
  readonly ranges: readonly KeyRange[];
  /**
   * Takes from the replies the first keys of the long range, at most `limit`. `rest` is the part of
   * the long range that has not been read yet; `undefined` if there is none.
   */
  readonly take: <Entry extends Pick<KeyValue, 'key'>>(
    replies: readonly (Pick<RangeReply, 'more' | 'count'> & { readonly kvs: readonly Entry[] })[],
    limit: number,
  ) => { readonly kvs: readonly Entry[]; readonly rest: KeyRange | undefined };
};

/** What earlier calls have shown about all ranges that end at the same key. */
type RangeFacts = {
  /**
   * How many of their first bytes the keys of a narrow range have in common. It is chosen so that
   * such a range contains about one page of keys, or a few pages. 0 if nothing is known.
   */
  readonly depth: number;
  /** How many calls in a row found too few keys in their narrow ranges. */
  readonly misses: number;
  /**
   * The beginning of a range, and the first key that was found in it. The next read from the same
   * beginning takes the first bytes of its narrow range from that key, because the beginning, such
   * as the prefix of all names, may have fewer bytes than `depth`.
   */
  readonly start: { readonly from: Buffer; readonly first: Buffer } | undefined;
};

/**
 * A narrow range should contain between a quarter of a page and forty pages of keys. Otherwise
 * `depth` changes. The bounds are far apart, because one byte of a name can have about forty
 * values, so a change of `depth` by 1 can make the range that much wider or narrower.
 */
const pagesMin = 0.25;
const pagesMax = 40;
/**
 * For how many ends of a range `RangeFacts` are remembered. This is enough for the tenants whose
 * names are listed at the same time. If a tenant's facts are forgotten, the next page of its names
 * may cost a count of the whole range.
 */
const rangesMax = 1_000;

/**
 * Returns the smallest key that is above all keys that begin with `prefix`, by incrementing the
 * last byte of the prefix. This is always possible, because UTF-8 has no byte 255.
 */
export const endOfPrefix = (prefix: Buffer | string): Buffer => {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  return end;
};

/** The first key after `key` in etcd's order. */
export const keyAfter = (key: Buffer): Buffer => Buffer.concat([key, Buffer.of(0)]);

const commonBytes = (a: Buffer, b: Buffer): number => {
  let count = 0;
  while (count < a.length && a[count] === b[count]) count += 1;
  return count;
};

/** Chooses which part of a long range to read next. Several calls may run at once. */
export type RangeNarrowing = (range: KeyRange) => NarrowRanges;

export const createNarrowing = (): RangeNarrowing => {
  const byEnd = new Map<string, RangeFacts>();

  const keep = (end: string, facts: RangeFacts): void => {
    byEnd.delete(end);
    byEnd.set(end, facts);
    for (const oldest of byEnd.keys()) {
      if (byEnd.size <= rangesMax) break;
      byEnd.delete(oldest);
    }
  };

  return ({ from, to }) => {
    const end = to.toString('latin1');
    const known = byEnd.get(end);
    const first = known?.start?.from.equals(from) ? known.start.first : undefined;
    const near = first ?? from;
    const depth = known?.depth ?? 0;
    const cut = depth > 0 && near.length >= depth ? endOfPrefix(near.subarray(0, depth)) : to;
    const isCut = cut.compare(to) < 0;
    const last = { from: near, to: isCut ? cut : to };
    const ranges = first === undefined ? [last] : [{ from, to: first }, last];

    const learn = (kvs: readonly Pick<KeyValue, 'key'>[], counted: number, limit: number): void => {
      const [one, other] = [kvs[0]?.key, kvs.at(-1)?.key];
      const isWide = one !== undefined && other !== undefined && counted > pagesMax * limit;
      if (known === undefined && !isWide) return;
      const { depth, misses, start } = known ?? { depth: 0, misses: 0, start: undefined };
      if (isWide) {
        const deeper = Math.max(depth + 1, commonBytes(one, other));
        keep(end, { depth: deeper, misses: 0, start: { from, first: one } });
      } else if (counted < pagesMin * limit) {
        keep(end, { depth: Math.max(0, depth - misses - 1), misses: misses + 1, start });
      } else keep(end, { depth, misses: 0, start });
    };

    return {
      ranges,
      take: (replies, limit) => {
        const found = replies.flatMap(({ kvs }) => kvs);
        const kvs = found.slice(0, limit);
        const isFull = found.length > limit || replies.some(({ more }) => more);
        const counted = replies.reduce((sum, { count = 0 }) => sum + Number(count), 0);
        if (isCut || isFull) learn(kvs, counted, limit);
        const key = kvs.at(-1)?.key;
        if (isFull && key !== undefined) return { kvs, rest: { from: keyAfter(key), to } };
        return { kvs, rest: isCut ? { from: cut, to } : undefined };
      },
    };
  };
};
