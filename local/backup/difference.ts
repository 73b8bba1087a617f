/**
 * What a restore of a backup would undo in a store, by the write ids of the versions. No value is opened. Memory holds
 * the write of each version in the backup, and the findings.
 */
import {
  headSortKey,
  type Item,
  type ItemKey,
  versionSortKey,
} from '../../functions/dynamodb/items.ts';
import {
  formatInstant,
  type IdempotencyRecord,
  type StoredVersion,
} from '../../functions/model/types.ts';
import { usage } from '../../system/failures.ts';
import { type Row, readRow } from '../verify/read-row.ts';

/** A version, without its value. `note` is missing after a destruction. */
type VersionFacts = Pick<
  StoredVersion,
  'tenant' | 'name' | 'version' | 'state' | 'writeId' | 'createdBy'
> & { readonly note?: string | undefined; readonly destroyedBy?: string | undefined };

export type Finding =
  /**
   * `version`: the backup lacks it, or has another write of its number. `state`: it differs, as by its lost value.
   * `secret`: a deletion, whose secret the backup holds. `value`: a destroyed one, whose value the backup holds.
   */
  | ({ readonly kind: 'version' | 'state' | 'secret' | 'value' } & VersionFacts)
  /** A keyed request that the backup does not know: its repetition would act again. */
  | ({ readonly kind: 'request'; readonly tenant: string; readonly expiresAt: string } & Pick<
      IdempotencyRecord,
      'operation' | 'written'
    >)
  /** An item of the store that the vault cannot read. */
  | ({ readonly kind: 'unreadable' } & ItemKey);

/** The writes that a backup holds, by the addresses of their versions and records. */
export type Copy = {
  /** `undefined` until an item tells it. */
  vault: string | undefined;
  readonly writes: Map<string, { readonly writeId: string; readonly state: string }>;
};

/** A version has one address, whether it is the head or behind it. */
const addressOf = (row: Row): string =>
  `${row.pk} ${'stored' in row ? versionSortKey(row.stored.version) : row.sk}`;

/** Adds items of the backup. */
export const addToCopy = (copy: Copy, items: readonly Item[]): void => {
  for (const item of items) {
    copy.vault ??= item['vault']?.S;
    const row = readRow(item, copy.vault ?? '');
    if (row.kind === 'unreadable') continue;
    const { writeId, state } = row.kind === 'record' ? { ...row.record, state: '' } : row.stored;
    copy.writes.set(addressOf(row), { writeId, state });
    if (row.kind === 'head') copy.writes.set(`${row.pk} ${headSortKey}`, { writeId, state });
  }
};

const factsOf = (stored: StoredVersion): VersionFacts => {
  const { tenant, name, version, state, writeId, createdBy } = stored;
  const facts = { tenant, name, version, state, writeId, createdBy };
  return stored.state === 'destroyed'
    ? { ...facts, destroyedBy: stored.destroyedBy }
    : { ...facts, note: stored.note };
};

const findingsOf = (row: Row, { writes }: Copy, now: number): readonly Finding[] => {
  if (row.kind === 'unreadable') return [{ kind: 'unreadable', pk: row.pk, sk: row.sk }];
  const copied = writes.get(addressOf(row));
  if (row.kind === 'record') {
    const { operation, written, writeId, expiresAt } = row.record;
    if (expiresAt <= now || copied?.writeId === writeId) return [];
    const { tenant } = row;
    return [{ kind: 'request', tenant, operation, written, expiresAt: formatInstant(expiresAt) }];
  }
  const facts = factsOf(row.stored);
  const findings: Finding[] = [];
  if (copied?.writeId !== facts.writeId) findings.push({ kind: 'version', ...facts });
  else if (copied.state !== facts.state) {
    findings.push({ kind: facts.state === 'destroyed' ? 'value' : 'state', ...facts });
  }
  const isBack = writes.get(`${row.pk} ${headSortKey}`)?.state === 'stored';
  if (row.kind === 'head' && facts.state === 'deleted' && isBack) {
    findings.push({ kind: 'secret', ...facts });
  }
  return findings;
};

/**
 * Returns what the store holds and the backup does not, secret by secret. The order of either side does not matter. If
 * `vault` is `undefined`, the first item of the store tells it. `now` is in milliseconds. Throws a usage failure if the
 * two are of different vaults, and what the pages throw.
 */
export const findDifference = async (
  pages: AsyncIterable<readonly Item[]>,
  vault: string | undefined,
  copy: Copy,
  now: number,
): Promise<readonly Finding[]> => {
  const found = new Map<string, readonly Finding[]>();
  let own = vault;
  for await (const page of pages) {
    for (const item of page) {
      own ??= item['vault']?.S;
      const row = readRow(item, own ?? '');
      const findings = findingsOf(row, copy, now);
      // An update during a scan shows a version twice: as the head, and then behind it.
      if (findings.length > 0) found.set(addressOf(row), findings);
    }
  }
  if (own !== undefined && copy.vault !== undefined && own !== copy.vault) {
    throw usage(`the backup is of the vault ${copy.vault}, and the store of ${own}`);
  }
  return [...found].sort(([one], [other]) => (one < other ? -1 : 1)).flatMap(([, each]) => each);
};
