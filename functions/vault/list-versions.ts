import { limits } from '../model/limits.ts';
import type { Principal, StoredVersion } from '../model/types.ts';
import { getSuperseded, requireTiling } from './get-secret.ts';
import { notFound } from './not-found.ts';
import { inParallel } from './parallel.ts';
import type { Ports, RequestContext, Store } from './ports.ts';
import { openVersion } from './sealing.ts';

export type ListVersions = {
  readonly name: string;
  readonly order: 'asc' | 'desc';
  /** At most `limits.versionsPageMax`, or `limits.valuesPageMax` with values. */
  readonly limit: number;
  /** The last version of the previous page. */
  readonly after: number | undefined;
  readonly includeValues: boolean;
};
export type ListedVersion = {
  readonly stored: StoredVersion;
  readonly value: Uint8Array | undefined;
};
export type VersionsPage = {
  readonly versions: readonly ListedVersion[];
  /** The version after which the next page begins; `undefined` on the last page. */
  readonly next: number | undefined;
};

/**
 * A page of a secret's history: contiguous versions whose intervals join, else it throws `integrity_failure`. Throws
 * `not_found`, and with values the errors of data keys.
 */
export const listVersions =
  ({ store, dataKeys }: Ports) =>
  async (
    context: RequestContext,
    principal: Principal,
    request: ListVersions,
  ): Promise<VersionsPage> => {
    const head = await store.findHead(context, principal, request.name);
    if (!head) throw notFound();
    const page = await readPage(store, context, principal, head, request);
    const last = page.at(-1)?.version ?? 0;
    const ends = request.order === 'asc' ? last >= head.version : last <= 1;
    const open = async (stored: StoredVersion): Promise<ListedVersion> => ({
      stored,
      value: request.includeValues ? await openVersion(context, dataKeys, stored) : undefined,
    });
    return {
      versions: await inParallel(page, limits.kmsConcurrencyMax, open),
      next: page.length === 0 || ends ? undefined : last,
    };
  };

/**
 * At most `limit` versions, each with an interval that is checked against its successor. The successor of the newest
 * version is read as well, and left out of the answer.
 */
const readPage = async (
  store: Store,
  context: RequestContext,
  principal: Principal,
  head: StoredVersion,
  { name, order, limit, after }: ListVersions,
): Promise<readonly StoredVersion[]> => {
  const newestFirst = order === 'desc';
  const first = newestFirst ? Math.min(head.version, (after ?? Infinity) - 1) : (after ?? 0) + 1;
  if (first < 1 || first > head.version) return [];
  const from = newestFirst ? Math.min(head.version, first + 1) : first;
  const beside = newestFirst ? from - first : 1;
  const span = { name, order, from, limit: limit + beside };
  const read = await readSpan(store, context, principal, head, span);
  requireTilingAll(newestFirst ? read.toReversed() : read);
  if (newestFirst) return read.slice(beside);
  const isBorneOut = read.length <= limit && read.at(-1)?.version === head.version;
  return isBorneOut ? read : read.slice(0, -1);
};

/** At most `limit` contiguous versions from `from` on, in `order`. A short read still gives two if two exist. */
const readSpan = async (
  store: Store,
  context: RequestContext,
  principal: Principal,
  head: StoredVersion,
  span: { name: string; order: ListVersions['order']; from: number; limit: number },
): Promise<StoredVersion[]> => {
  const { name, order, from } = span;
  const newestFirst = order === 'desc';
  const limit = Math.min(span.limit, newestFirst ? from : head.version - from + 1);
  const page: StoredVersion[] = newestFirst && from === head.version ? [head] : [];
  const range = newestFirst
    ? { above: 0, below: Math.min(from + 1, head.version) }
    : { above: from - 1, below: head.version };
  const wanted = limit - page.length;
  if (wanted > 0 && range.below - range.above > 1) {
    const read = { ...range, order, limit: wanted };
    page.push(...(await store.listVersions(context, principal, name, read)));
  }
  const expected = (index: number) => (newestFirst ? from - index : from + index);
  for (let index = 0; index < Math.max(page.length, Math.min(2, limit)); index += 1) {
    if (page[index]?.version !== expected(index) && expected(index) < head.version) {
      page.splice(index, 0, await getSuperseded(store, context, principal, name, expected(index)));
    }
  }
  page.splice(limit);
  if (!newestFirst && page.length < limit && from + page.length === head.version) page.push(head);
  return page;
};

const requireTilingAll = (ascending: readonly StoredVersion[]): void => {
  for (const [index, later] of ascending.entries()) {
    const earlier = ascending[index - 1];
    if (earlier) requireTiling(earlier, later);
  }
};
