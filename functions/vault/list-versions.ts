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
  /** At most `limits.versionsPageMax`, with values `limits.valuesPageMax`. */
  readonly limit: number;
  /** The last version of the page before. */
  readonly after: number | undefined;
  readonly includeValues: boolean;
};
export type ListedVersion = {
  readonly stored: StoredVersion;
  readonly value: Uint8Array | undefined;
};
export type VersionsPage = {
  readonly versions: readonly ListedVersion[];
  /** The version to go on after; `undefined`: this page ends the list. */
  readonly next: number | undefined;
};

/**
 * A page of a secret's history: contiguous versions with intervals that tile, or
 * `integrity_failure`. Throws `not_found`, and with values what data keys throw.
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
    context.journal.concerns({ name: head.name });
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

const readPage = async (
  store: Store,
  context: RequestContext,
  principal: Principal,
  head: StoredVersion,
  { name, order, limit, after }: ListVersions,
): Promise<StoredVersion[]> => {
  const newestFirst = order === 'desc';
  const first = newestFirst ? Math.min(head.version, (after ?? Infinity) - 1) : (after ?? 0) + 1;
  if (first < 1 || first > head.version) return [];
  const page: StoredVersion[] = newestFirst && first === head.version ? [head] : [];
  const range = newestFirst
    ? { above: 0, below: Math.min(first + 1, head.version) }
    : { above: first - 1, below: head.version };
  const wanted = limit - page.length;
  if (wanted > 0 && range.below - range.above > 1) {
    const read = { ...range, order, limit: wanted };
    page.push(...(await store.listVersions(context, principal, name, read)));
  }
  const expected = (index: number) => (newestFirst ? first - index : first + index);
  for (let index = 0; index < page.length || index === 0; index += 1) {
    if (page[index]?.version !== expected(index) && expected(index) < head.version) {
      page.splice(index, 0, await getSuperseded(store, context, principal, name, expected(index)));
    }
  }
  page.splice(limit);
  if (!newestFirst && page.length < limit && first + page.length === head.version) page.push(head);
  requireTilingAll(newestFirst ? page.toReversed() : page);
  return page;
};

const requireTilingAll = (ascending: readonly StoredVersion[]): void => {
  for (const [index, later] of ascending.entries()) {
    const earlier = ascending[index - 1];
    if (earlier) requireTiling(earlier, later);
  }
};
