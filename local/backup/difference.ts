/**
 * What a restore of a backup would undo in a store, by the write ids of the versions. No value is opened. Memory holds
 * the findings and, without values, the partitions that one side has shown and the other one not yet.
 */
import type { Item, ItemKey } from '../../functions/dynamodb/items.ts';
import { formatInstant, type StoredVersion, type VersionRef } from '../../functions/model/types.ts';
import { usage } from '../../system/failures.ts';
import { type Row, readRow } from '../verify/read-row.ts';

/** A version, without its value. `note` is missing after a destruction. */
export type VersionFacts = Pick<
  StoredVersion,
  'tenant' | 'name' | 'version' | 'state' | 'writeId' | 'createdBy'
> & { readonly note?: string | undefined; readonly destroyedBy?: string | undefined };

type RecordFacts = {
  readonly tenant: string;
  readonly operation: string;
  readonly written: readonly VersionRef[];
  readonly writeId: string;
  /** RFC 3339. */
  readonly expiresAt: string;
};

export type Finding =
  /** A version that the backup lacks, or holds as another write or without its value. */
  | ({ readonly kind: 'version' } & VersionFacts)
  /** The version in the backup of a secret that the store holds as deleted. */
  | ({ readonly kind: 'secret'; readonly deletedBy: string } & VersionFacts)
  /** A destroyed version whose value the backup holds. */
  | ({ readonly kind: 'value' } & VersionFacts)
  /** Numbers of versions that other writes have in the backup, or would get after it. */
  | ({ readonly kind: 'numbers'; readonly first: number; last: number } & Omit<
      VersionRef,
      'version'
    > & {
        readonly tenant: string;
      })
  /** A keyed request that the backup does not know: its repetition would act again. */
  | ({ readonly kind: 'request' } & RecordFacts)
  /** An item of the store that the vault cannot read. */
  | ({ readonly kind: 'unreadable' } & ItemKey);

/** The items of the store or of the backup. Those of a partition follow each other, as in every scan. */
export type Side = {
  /** The vault of the items; if it is `undefined`, the first item tells it. */
  vault: string | undefined;
  readonly pages: AsyncIterable<readonly Item[]>;
};

type Partition = {
  readonly pk: string;
  readonly versions: Map<number, VersionFacts>;
  readonly unreadable: ItemKey[];
  head?: VersionFacts;
  record?: RecordFacts;
};
const emptyAt = (pk: string): Partition => ({ pk, versions: new Map(), unreadable: [] });

const factsOf = (stored: StoredVersion): VersionFacts => {
  const { tenant, name, version, state, writeId, createdBy } = stored;
  const facts = { tenant, name, version, state, writeId, createdBy };
  return stored.state === 'destroyed'
    ? { ...facts, destroyedBy: stored.destroyedBy }
    : { ...facts, note: stored.note };
};

const addRow = (partition: Partition, row: Row): void => {
  if (row.kind === 'unreadable') {
    partition.unreadable.push({ pk: row.pk, sk: row.sk });
  } else if (row.kind === 'record') {
    const { operation, writeId, written, expiresAt } = row.record;
    const { tenant } = row;
    partition.record = { tenant, operation, writeId, written, expiresAt: formatInstant(expiresAt) };
  } else {
    const facts = factsOf(row.stored);
    // An update during a scan shows a version twice: as the head, and then behind it.
    partition.versions.set(facts.version, facts);
    if (row.kind === 'head') partition.head = facts;
  }
};

async function* partitionsOf(side: Side): AsyncGenerator<Partition> {
  let partition: Partition | undefined;
  for await (const page of side.pages) {
    for (const item of page) {
      side.vault ??= item['vault']?.S;
      const row = readRow(item, side.vault ?? '');
      if (partition !== undefined && row.pk !== partition.pk) yield partition;
      if (row.pk !== partition?.pk) partition = emptyAt(row.pk);
      addRow(partition, row);
    }
  }
  if (partition) yield partition;
}

const findInVersions = (held: Partition, copied: Partition): readonly Finding[] => {
  const findings: Finding[] = [];
  const ranges: Extract<Finding, { kind: 'numbers' }>[] = [];
  const versions = [...held.versions.values()].sort((one, other) => one.version - other.version);
  for (const facts of versions) {
    const { tenant, name, version, state, writeId } = facts;
    const other = copied.versions.get(version);
    if (other?.writeId === writeId && other.state === state) continue;
    const isBack = other?.writeId === writeId && state === 'destroyed';
    findings.push({ kind: isBack ? 'value' : 'version', ...facts });
    if (other?.writeId === writeId) continue;
    const range = ranges.at(-1);
    if (range?.last === version - 1) range.last = version;
    else ranges.push({ kind: 'numbers', tenant, name, first: version, last: version });
  }
  return [...findings, ...ranges];
};

const findInPartition = (held: Partition, copied: Partition, now: string): readonly Finding[] => {
  const { record, head, unreadable } = held;
  const findings = [...findInVersions(held, copied)];
  if (copied.head?.state === 'stored' && head?.state === 'deleted') {
    findings.push({ kind: 'secret', ...copied.head, deletedBy: head.createdBy });
  }
  if (record && record.expiresAt > now && record.writeId !== copied.record?.writeId) {
    findings.push({ kind: 'request', ...record });
  }
  return [...findings, ...unreadable.map((key) => ({ kind: 'unreadable' as const, ...key }))];
};

/**
 * Returns what the store holds and the backup does not, secret by secret. The order of either side does not matter.
 * `now` is in milliseconds. Throws a usage failure if the two are of different vaults, and what the pages throw.
 */
export const findDifference = async (
  store: Side,
  backup: Side,
  now: number,
): Promise<readonly Finding[]> => {
  const waiting = new Map<string, { held?: Partition; copied?: Partition }>();
  const found = new Map<string, readonly Finding[]>();
  const compare = (pk: string, { held = emptyAt(pk), copied = emptyAt(pk) }): void => {
    const findings = findInPartition(held, copied, formatInstant(now));
    if (findings.length > 0) found.set(pk, findings);
  };
  const sides = { held: partitionsOf(store), copied: partitionsOf(backup) };
  const takeNext = async (side: keyof typeof sides): Promise<boolean> => {
    const { done, value } = await sides[side].next();
    if (done) return false;
    const pair = { ...waiting.get(value.pk), [side]: value };
    waiting.set(value.pk, pair);
    if (!pair.held || !pair.copied) return true;
    waiting.delete(value.pk);
    compare(value.pk, pair);
    return true;
  };
  try {
    for (let [isHeld, isCopied] = [true, true]; isHeld || isCopied; ) {
      isHeld &&= await takeNext('held');
      isCopied &&= await takeNext('copied');
    }
  } finally {
    await Promise.all([sides.held.return(undefined), sides.copied.return(undefined)]);
  }
  if (store.vault !== undefined && backup.vault !== undefined && store.vault !== backup.vault) {
    throw usage(`the backup is of the vault ${backup.vault}, and the store of ${store.vault}`);
  }
  for (const [pk, pair] of waiting) compare(pk, pair);
  return [...found].sort(([one], [other]) => (one < other ? -1 : 1)).flatMap(([, each]) => each);
};
