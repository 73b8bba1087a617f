/** Finds, selects and checks the stored versions of a secret. */
import { anchorOf } from '../crypto/fingerprint.ts';
import { ApiError } from '../model/errors.ts';
import type { Head, StoredVersion, ValueVersion, WriteRef } from '../model/types.ts';
import { type Absence, notFound, requireHead } from './permission.ts';
import type { VersionRange } from './ports.ts';
import type { RequestVault } from './request.ts';

type History = Pick<RequestVault, 'store' | 'journal' | 'principal'>;

/** Whether one of the tags names this version, by its number alone or with its anchor. */
export const isOneOf = (tags: '*' | readonly string[], version: WriteRef): boolean =>
  tags === '*' ||
  tags.includes(String(version.version)) ||
  tags.includes(`${version.version}.${anchorOf(version)}`);

/**
 * Returns the version if it has a value. Otherwise throws `version_destroyed`, or what `refuse`
 * returns for a deletion or, with the reason `absence`, for a missing version.
 */
export const requireValue = (
  version: StoredVersion | undefined,
  absence: Absence,
  refuse = notFound,
): ValueVersion => {
  if (!version || version.state === 'deleted') throw refuse(version ? 'deleted' : absence);
  if (version.state === 'stored') return version;
  throw new ApiError('version_destroyed', 'the value of this version was destroyed');
};

/**
 * Finds a version by its number, and checks its interval against its successor's. Returns
 * `undefined` if the number is above the current version. Throws `not_found` if the secret never
 * existed. The three reads are not a snapshot: if they show a version item at or above the head, an
 * update was running, and the head is read again.
 */
export const findNumbered = async (
  vault: History,
  name: string,
  version: number,
): Promise<StoredVersion | undefined> => {
  const { store } = vault;
  const [shown, superseded, successor] = await Promise.all([
    store.findHead(name),
    store.findVersion(name, version),
    store.findVersion(name, version + 1),
  ]);
  const passed = superseded && shown && shown.version <= version;
  // A single read may see a running update on the head or on the version item only. A transactional
  // read sees it on both or not at all.
  const read = passed ? (await store.findHeads([name])).get(name) : shown;
  const head = requireHead(vault.principal, name, read);
  if (superseded && head.version <= version) {
    throw new ApiError('integrity_failure', 'a version exists at or beyond the head');
  }
  const found = await chooseVersion(vault, head, version, superseded);
  if (head.version > version + 1 && found) {
    requireTiling([found, successor ?? (await findSuperseded(vault, name, version + 1))]);
  }
  return found;
};

/**
 * Finds a version by its number, given a head. `superseded` is its item if an earlier read found
 * it. Otherwise the item is read now (`findSuperseded`), even if an earlier read missed it: that
 * read may have come before the update that wrote the item.
 */
export const chooseVersion = async (
  vault: History,
  head: Head,
  version: number,
  superseded?: StoredVersion,
): Promise<StoredVersion | undefined> => {
  if (version > head.version) return undefined;
  if (version === head.version) return head;
  const found = superseded ?? (await findSuperseded(vault, head.name, version));
  if (head.version === version + 1) requireTiling([found, head]);
  return found;
};

/**
 * Finds the version that was valid at an instant, given a head; `undefined` if the secret did not
 * exist then. A binary search finds two neighbours, one that had begun by then and one that had
 * not. The end of the first is checked against the beginning of the second, and its own beginning
 * is authenticated when its value is opened.
 */
export const findValidAt = async (
  vault: History,
  head: Head,
  at: number,
): Promise<StoredVersion | undefined> => {
  if (at >= head.validFrom) return head;
  let begun: StoredVersion | undefined;
  let later: StoredVersion = head;
  for (let step = 2 ** Math.floor(Math.log2(head.version)); step >= 1; step /= 2) {
    const version = (begun?.version ?? 0) + step;
    if (version >= later.version) continue;
    const found = await findSuperseded(vault, head.name, version);
    if (found.validFrom <= at) begun = found;
    else later = found;
  }
  if (begun) requireTiling([begun, later]);
  return begun;
};

export type PageOfVersions = {
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  /** The number of the last version on the previous page; `undefined` for the first page. */
  readonly after: number | undefined;
};

/**
 * Reads at most `limit` versions and checks each one's interval against its successor's. The
 * successor of the newest version is read for that too, but not returned.
 */
export const readPage = async (
  vault: History,
  head: Head,
  { order, limit, after }: PageOfVersions,
): Promise<readonly StoredVersion[]> => {
  const newestFirst = order === 'desc';
  const first = newestFirst ? Math.min(head.version, (after ?? Infinity) - 1) : (after ?? 0) + 1;
  if (first < 1 || first > head.version) return [];
  const from = newestFirst ? Math.min(head.version, first + 1) : first;
  const beside = newestFirst ? from - first : 1;
  const read = await readSpan(vault, head, from, { order, limit: limit + beside });
  requireTiling(newestFirst ? read.toReversed() : read);
  if (newestFirst) return read.slice(beside);
  const isBorneOut = read.length <= limit && read.at(-1)?.version === head.version;
  return isBorneOut ? read : read.slice(0, -1);
};

/**
 * Reads at most `limit` contiguous versions, starting with `from`. If the store returns too little,
 * this completes it to two versions if two exist: `readPage` may leave out one of them, and must
 * still return one, so that every page makes progress.
 */
const readSpan = async (
  vault: History,
  head: Head,
  from: number,
  { order, limit: asked }: Pick<VersionRange, 'order' | 'limit'>,
): Promise<StoredVersion[]> => {
  const { name } = head;
  const newestFirst = order === 'desc';
  const limit = Math.min(asked, newestFirst ? from : head.version - from + 1);
  const page: StoredVersion[] = newestFirst && from === head.version ? [head] : [];
  // etcd reads a whole range before it returns the newest of it, so the range has only one version
  // more than the page. If a version of the page is missing, even the last one, the extra version
  // comes in its place, and the gap is noticed.
  const range = newestFirst
    ? { above: Math.max(0, from - limit - 1), below: Math.min(from + 1, head.version) }
    : { above: from - 1, below: head.version };
  const wanted = limit - page.length;
  if (wanted > 0 && range.below - range.above > 1) {
    page.push(...(await vault.store.listVersions(name, { ...range, order, limit: wanted })));
  }
  const expected = (index: number) => (newestFirst ? from - index : from + index);
  for (let index = 0; index < Math.max(page.length, Math.min(2, limit)); index += 1) {
    if (page[index]?.version !== expected(index) && expected(index) < head.version) {
      page.splice(index, 0, await findSuperseded(vault, name, expected(index)));
    }
  }
  page.splice(limit);
  if (!newestFirst && page.length < limit && from + page.length === head.version) page.push(head);
  return page;
};

/**
 * Finds a version below the head. Superseded versions are never deleted, so a missing one is an
 * integrity failure, unless the update that writes it is still running. A settled read decides
 * which it is.
 */
export const findSuperseded = async (
  { store, journal }: History,
  name: string,
  version: number,
): Promise<StoredVersion> => {
  const found =
    (await store.findVersion(name, version)) ?? (await store.findVersion(name, version, 'settled'));
  if (!found) {
    journal.decided('integrity_failure', { name, version });
    throw new ApiError('integrity_failure', 'a version below the head is missing');
  }
  return found;
};

/**
 * Throws `integrity_failure` unless each version's interval ends where its successor's begins.
 * `validTo` is not authenticated, so it is checked whenever the successor is read.
 */
const requireTiling = (ascending: readonly StoredVersion[]): void => {
  for (const [index, later] of ascending.entries()) {
    const earlier = ascending[index - 1];
    if (earlier && earlier.validTo !== later.validFrom) {
      throw new ApiError('integrity_failure', 'an interval does not end where the next begins');
    }
  }
};
