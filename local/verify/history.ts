/** Checks the invariants among the items of one secret, and between a record and the secrets that it names. */
import { type ItemKey, secretPartition } from '../../functions/dynamodb/items.ts';
import {
  formatInstant,
  type IdempotencyRecord,
  type StoredVersion,
} from '../../functions/model/types.ts';
import type { Violation } from './rows.ts';

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

/**
 * Checks that the versions are contiguous from 1 to the head, that no version is at or beyond the head, that the
 * intervals tile, that each version has a write of its own, and that each deletion follows a value.
 */
export const checkHistory = (entries: readonly Entry[]): readonly Violation[] => {
  const head = entries.find((entry) => entry.isHead);
  if (head === undefined) return entries.map((entry) => at(entry, 'is a version without a head'));
  const byVersion = new Map(entries.map((entry) => [entry.version, entry]));
  byVersion.set(head.version, head);
  const violations = entries
    .filter((entry) => !entry.isHead && entry.version >= head.version)
    .map((entry) => at(entry, `is at or beyond the head, which is version ${head.version}`));
  const writers = new Map<string, number>();
  for (let version = 1; version <= head.version; version += 1) {
    const entry = byVersion.get(version);
    if (entry === undefined) {
      violations.push(at(head, `is version ${head.version}, but version ${version} is missing`));
      continue;
    }
    const isFirst = version === 1;
    if (entry.state === 'deleted' && (isFirst || byVersion.get(version - 1)?.state === 'deleted')) {
      violations.push(at(entry, 'is a deletion that follows no value'));
    }
    const successor = byVersion.get(version + 1);
    const { validTo } = entry;
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

/** Finds a version by its secret's partition. */
export type FindEntry = (pk: string, version: number) => Promise<Entry | undefined>;

/** Checks that the versions that the record names exist, and that the request of the record wrote them. */
export const checkRecord = async (
  key: ItemKey,
  tenant: string,
  { written, resolved, writeId }: IdempotencyRecord,
  findEntry: FindEntry,
): Promise<readonly Violation[]> => {
  const find = (ref: { name: string; version: number }) =>
    findEntry(secretPartition(tenant, ref.name), ref.version);
  const violations: Violation[] = [];
  for (const ref of written) {
    const entry = await find(ref);
    if (entry?.writeId === writeId && entry.validFrom === ref.validFrom) continue;
    violations.push(at(key, `tells of a write of ${ref.name} ${ref.version} that is not there`));
  }
  for (const ref of resolved) {
    if ((await find(ref)) !== undefined) continue;
    violations.push(at(key, `tells of a read of ${ref.name} ${ref.version}, never stored`));
  }
  return violations;
};
