/** Finds, chooses and checks the stored versions of a secret. */
import { anchorOf } from '../crypto/fingerprint.ts';
import { VaultError } from '../model/errors.ts';
import {
  type Head,
  isNameVisible,
  type Principal,
  type StoredVersion,
  type ValueVersion,
  type WriteRef,
} from '../model/types.ts';
import type { VersionRange } from './ports.ts';
import type { RequestVault } from './request.ts';

type History = Pick<RequestVault, 'store' | 'journal' | 'principal'>;

/** Why a version is not found, for the log. A name of another tenant never existed. */
export type Absence = 'never_existed' | 'deleted' | 'beyond_current' | 'before_first' | 'hidden';

/** Why a secret has no head. No read decides that a name is hidden, so the word tells nothing of the name. */
export const absenceOf = ({ names }: Principal, name: string): Absence =>
  isNameVisible(names, name) ? 'never_existed' : 'hidden';

/** Whether one of the tags of a precondition names this version. */
export const isOneOf = (tags: '*' | readonly string[], version: WriteRef): boolean =>
  tags === '*' ||
  tags.includes(String(version.version)) ||
  tags.includes(`${version.version}.${anchorOf(version)}`);

/** The same answer for a name that never existed, for another tenant's name, and for a hidden name. */
export const notFound = (absence: Absence): VaultError =>
  new VaultError('not_found', 'no such secret', { why: { why: absence } });

/**
 * The version, if it holds a value. Throws `refuse` with the reason: `absence` for none, and that it is a deletion.
 * Throws `version_destroyed`.
 */
export const requireValue = (
  version: StoredVersion | undefined,
  absence: Absence,
  refuse = notFound,
): ValueVersion => {
  if (!version || version.state === 'deleted') throw refuse(version ? 'deleted' : absence);
  if (version.state === 'stored') return version;
  throw new VaultError('version_destroyed', 'the value of this version was destroyed');
};

/**
 * The version with the number `version`; its interval is checked against its successor. `undefined` beyond the
 * current version. Throws `not_found` if the secret never existed. The three reads are no snapshot. A version item at
 * or above the head shows that an update ran, so the head is read again.
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
  // A single read may see one item of a running update before the other. A transaction sees both.
  const head = passed ? (await store.findHeads([name])).get(name) : shown;
  if (!head) throw notFound(absenceOf(vault.principal, name));
  if (superseded && head.version <= version) {
    throw new VaultError('integrity_failure', 'a version exists at or beyond the head');
  }
  const found = await chooseVersion(vault, head, version, superseded);
  if (head.version > version + 1 && found) {
    requireTiling([found, successor ?? (await findSuperseded(vault, name, version + 1))]);
  }
  return found;
};

/**
 * The version with the number `version`, given a head. `superseded` is its item, if an earlier read found it.
 * An earlier read may have come too early and missed the item, so the item is read again; once is enough.
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
 * The version that was valid at an instant, given a head; `undefined` if the secret did not exist then. Steps
 * of halving size find two neighbours: one had begun by then, and the next had not. Their beginnings are
 * sealed, and the end of the first is checked against the beginning of the next.
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

/** A page of a history: at most `limit` versions in `order`, after the version `after`. */
export type PageOfVersions = {
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  /** The last version of the previous page. */
  readonly after: number | undefined;
};

/**
 * At most `limit` versions, each with an interval that is checked against its successor. The successor of the
 * newest version is read as well, and left out of the answer.
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

/** At most `limit` contiguous versions from `from` on. A short read still gives two if two exist. */
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
  const range = newestFirst
    ? { above: 0, below: Math.min(from + 1, head.version) }
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
 * A version below the head. Superseded versions are never deleted, so a missing one is an integrity failure,
 * unless the update that writes it is still running. A settled look-up decides that.
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
    throw new VaultError('integrity_failure', 'a version below the head is missing');
  }
  return found;
};

/** Throws unless the intervals join. `validTo` is not sealed, so every read of the successor checks it. */
const requireTiling = (ascending: readonly StoredVersion[]): void => {
  for (const [index, later] of ascending.entries()) {
    const earlier = ascending[index - 1];
    if (earlier && earlier.validTo !== later.validFrom) {
      throw new VaultError('integrity_failure', 'an interval does not end where the next begins');
    }
  }
};
