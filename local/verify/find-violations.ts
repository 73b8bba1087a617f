/**
 * Reads a whole table and checks every invariant of docs/design/storage.md. The vault may serve meanwhile: a scan is not
 * a snapshot, so an apparent violation is read again before it is reported.
 */
import type { KeyService } from '../../functions/kms/key-service.ts';
import { limits } from '../../functions/model/limits.ts';
import { headSortKey, versionSortKey } from '../../functions/store/items.ts';
import type { Table } from '../../functions/store/ports.ts';
import { inParallel } from '../../functions/vault/parallel.ts';
import {
  checkHistory,
  checkRecord,
  type Entry,
  type EntryLookup,
  entryOf,
} from './check-history.ts';
import { checkOpening, unwrapBy } from './check-opening.ts';
import { createDataKeySet } from './data-key-set.ts';
import { type Row, readRow, type Violation } from './read-row.ts';

export type { Violation } from './read-row.ts';

export type VerifiedVault = {
  readonly table: Pick<Table, 'pages' | 'get'>;
  readonly masterKey: KeyService;
  readonly vaultId: string;
};

/**
 * The number of times that an apparent violation is read again; a concurrent write does not come between every time.
 */
const rereadsMax = 3;

const readPartition = async (vault: VerifiedVault, pk: string): Promise<Entry[]> => {
  const entries: Entry[] = [];
  for await (const page of vault.table.pages(pk)) {
    const rows = page.map((item) => readRow(item, vault.vaultId)).filter(isVersion);
    entries.push(...rows.map((row) => entryOf(row, row.kind === 'head', row.stored)));
  }
  return entries;
};

type VersionRow = Extract<Row, { kind: 'head' | 'version' }>;
const isVersion = (row: Row): row is VersionRow => row.kind === 'head' || row.kind === 'version';

/**
 * Finds a version in the table as it is now. An update moves the current version behind the head, so the head is read
 * first.
 */
const findEntryIn =
  ({ table, vaultId }: VerifiedVault): EntryLookup =>
  async (pk, version) => {
    const read = async (sk: string): Promise<Entry | undefined> => {
      const item = await table.get({ pk, sk });
      const row = item && readRow(item, vaultId);
      if (!row || !isVersion(row) || row.stored.version !== version) return undefined;
      return entryOf(row, row.kind === 'head', row.stored);
    };
    return (await read(headSortKey)) ?? (await read(versionSortKey(version)));
  };

/** Reads apparent violations again until they are gone, or have been there every time. */
const persisting = async (
  check: () => readonly Violation[] | Promise<readonly Violation[]>,
  reread: () => Promise<void> = async () => undefined,
): Promise<readonly Violation[]> => {
  let violations = await check();
  for (let reads = 0; violations.length > 0 && reads < rereadsMax; reads += 1) {
    await reread();
    violations = await check();
  }
  return violations;
};

/** Versions that are opened under other identities too: the first ones, and then one of so many. */
const thoroughFirst = 1_000;
const thoroughEvery = 100;

/** The items that a scan has read of the secret whose items it is reading. */
type Partition = {
  readonly pk: string;
  readonly entries: Entry[];
  /** The data keys by their versions. An update during the scan may move a version, which is then read twice. */
  readonly dataKeys: Map<number, Uint8Array>;
};

/**
 * Finds all violations among the items, and yields each page's as soon as the page is checked. Throws if the store or the
 * master key cannot be used. Never shows a value.
 *
 * A scan returns the items of a secret one after the other. So memory holds the versions of one secret at a time,
 * without their values, and 16 to 43 bytes for each data key of the table. Code and master key make that no version opens
 * under another identity, so this is tried with some of the versions only.
 */
export async function* findViolations(vault: VerifiedVault): AsyncGenerator<Violation> {
  const { masterKey, vaultId } = vault;
  const unwrap = unwrapBy(masterKey, vaultId);
  const allDataKeys = createDataKeySet();
  let opened = 0;

  const checkRow = async (row: Row): Promise<readonly Violation[]> => {
    const { pk, sk } = row;
    if (row.kind === 'unreadable') return [{ pk, sk, problem: row.problem }];
    if (row.kind === 'record') {
      // A transaction may show its record before its versions.
      return await persisting(() => checkRecord(row, row.tenant, row.record, findEntryIn(vault)));
    }
    // Only versions that hold a value have a data key.
    if (row.stored.state !== 'stored') return [];
    opened += 1;
    const isThorough = opened <= thoroughFirst || opened % thoroughEvery === 0;
    const problems = await checkOpening({ vaultId, unwrap }, row.stored, isThorough);
    return problems.map((problem) => ({ pk, sk, problem }));
  };

  const checkDataKey = ({ dataKeys }: Partition, row: VersionRow): readonly Violation[] => {
    if (row.stored.state !== 'stored') return [];
    const { version, wrappedDataKey } = row.stored;
    const before = dataKeys.get(version);
    if (before !== undefined && Buffer.compare(before, wrappedDataKey) === 0) return [];
    dataKeys.set(version, wrappedDataKey);
    if (allDataKeys.add(wrappedDataKey)) return [];
    return [{ pk: row.pk, sk: row.sk, problem: 'has the data key of another version' }];
  };

  const endPartition = async ({ pk, entries }: Partition): Promise<readonly Violation[]> => {
    let current: readonly Entry[] = entries;
    const reread = async () => {
      current = await readPartition(vault, pk);
    };
    return await persisting(() => checkHistory(current), reread);
  };

  let partition: Partition | undefined;
  for await (const page of vault.table.pages()) {
    const rows = page.map((item) => readRow(item, vaultId));
    yield* (await inParallel(rows, limits.kmsConcurrencyMax, checkRow)).flat();
    for (const row of rows.filter(isVersion)) {
      if (row.pk !== partition?.pk) {
        if (partition) yield* await endPartition(partition);
        partition = { pk: row.pk, entries: [], dataKeys: new Map() };
      }
      partition.entries.push(entryOf(row, row.kind === 'head', row.stored));
      yield* checkDataKey(partition, row);
    }
  }
  if (partition) yield* await endPartition(partition);
}
