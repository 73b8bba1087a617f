/**
 * Checks the invariants of the items of one secret, and of an idempotency record and the secrets
 * that it names.
 */

import {
  formatInstant,
  type IdempotencyRecord,
  type StoredVersion,
} from '../../functions/model/types.ts';
import { type ItemKey, secretPartition } from '../../functions/store/items.ts';
import type { Violation } from './read-row.ts';

/** One version of a secret, without its sealed parts. */
export type Entry = ItemKey &
  Pick<StoredVersion, 'version' | 'state' | 'validFrom' | 'validTo' | 'writeId'> & {
    readonly isHead: boolean;
  };

export const entryOf = (key: ItemKey, isHead: boolean, stored: StoredVersion): Entry => ({
  ...key,
  isHead,
  version: stored.version,
  state: stored.state,
  validFrom: stored.validFrom,
  validTo: stored.validTo,
  writeId: stored.writeId,
});

const at = ({ pk, sk }: ItemKey, problem: string): Violation => ({ pk, sk, problem });

const missing = (first: number, last: number): string =>
  first === last ? `version ${first} is missing` : `versions ${first} to ${last} are missing`;

/**
 * Checks that the versions are contiguous from 1 to the head, that no version is at or beyond the
 * head, that the intervals have no gaps, that each version has a different write id, and that each
 * deletion follows a value. Numbers in an item are compared, but never used as the bound of a loop,
 * because anybody who writes to the table can put any number into a deletion.
 */
export const checkHistory = (entries: readonly Entry[]): readonly Violation[] => {
  const head = entries.find((entry) => entry.isHead);
  if (head === undefined) return entries.map((entry) => at(entry, 'is a version without a head'));
  const superseded = entries.filter((entry) => !entry.isHead);
  const violations = superseded
    .filter(({ version }) => version >= head.version)
    .map((entry) => at(entry, `is at or beyond the head, which is version ${head.version}`));
  const below = superseded.filter(({ version }) => version < head.version);
  const history = [...below.sort((one, other) => one.version - other.version), head];
  const byVersion = new Map(history.map((entry) => [entry.version, entry]));
  const writers = new Map<string, number>();
  let expected = 1;
  for (const entry of history) {
    const { version, validTo } = entry;
    if (version > expected) {
      const gap = missing(expected, version - 1);
      violations.push(at(head, `is version ${head.version}, but ${gap}`));
    }
    expected = version + 1;
    const isFirst = version === 1;
    if (entry.state === 'deleted' && (isFirst || byVersion.get(version - 1)?.state === 'deleted')) {
      violations.push(at(entry, 'is a deletion that follows no value'));
    }
    const successor = byVersion.get(version + 1);
    if (!entry.isHead && validTo !== undefined && successor?.validFrom !== validTo) {
      const next = successor ? `begins at ${formatInstant(successor.validFrom)}` : 'is not there';
      violations.push(
        at(entry, `ends at ${formatInstant(validTo)}, but version ${version + 1} ${next}`),
      );
    }
    const other = writers.get(entry.writeId);
    if (other !== undefined)
      violations.push(at(entry, `was written with version ${other} at once`));
    writers.set(entry.writeId, version);
  }
  return violations;
};

/**
 * Finds one version of a secret. `pk` is the partition of the secret; `undefined` means that there
 * is no such version.
 */
export type EntryLookup = (pk: string, version: number) => Promise<Entry | undefined>;

/**
 * Checks an idempotency record: each version that it says was written exists with its `writeId` and
 * its time, only a record of `delete-secret` wrote a deletion, and each version that it says was
 * read had a value. So this detects a deletion that was forged in place of a value.
 */
export const checkRecord = async (
  key: ItemKey,
  tenant: string,
  { operation, written, resolved, writeId }: IdempotencyRecord,
  findEntry: EntryLookup,
): Promise<readonly Violation[]> => {
  const find = (ref: { name: string; version: number }) =>
    findEntry(secretPartition(tenant, ref.name), ref.version);
  const deletes = operation === 'delete-secret';
  const violations: Violation[] = [];
  for (const ref of written) {
    const entry = await find(ref);
    const isOfRequest = entry?.writeId === writeId && entry.validFrom === ref.validFrom;
    if (isOfRequest && (entry.state === 'deleted') === deletes) continue;
    violations.push(at(key, `names a write of ${ref.name} ${ref.version} that does not exist`));
  }
  for (const ref of resolved) {
    const entry = await find(ref);
    if (entry !== undefined && entry.state !== 'deleted') continue;
    violations.push(at(key, `names a read of ${ref.name} ${ref.version}, which never had a value`));
  }
  return violations;
};
