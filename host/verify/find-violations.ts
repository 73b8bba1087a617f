/**
 * Reads a whole table and checks every invariant of docs/design/storage.md. The vault may serve
 * meanwhile: a scan is not a snapshot, so an apparent violation is read again before it is
 * reported.
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
 * How often an apparent violation is read again before it is reported. If a concurrent write only
 * made it look like one, it is gone in one of these reads.
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
 * Finds a version in the current table. An update moves the current version from the head to a
 * version item, so the head is read first.
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

/**
 * Reads again while `check` finds violations, a limited number of times. Returns the violations of
 * the last check; empty if they have gone.
 */
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

/**
 * This many versions are each tried under other identities, too; after them, only one in a hundred.
 */
const thoroughFirst = 1_000;
const thoroughEvery = 100;

/** The items read so far of the secret that the scan has reached. */
type Partition = {
  readonly pk: string;
  readonly entries: Entry[];
  /**
   * The data key of each version. An update during the scan may move a version from the head to a
   * version item, so that it is read twice; it is then counted once.
   */
  readonly dataKeys: Map<number, Uint8Array>;
};

/**
 * Finds all violations among the items, and yields those of each page as soon as it is checked.
 * Never shows a value. Throws if the store or the master key cannot be used.
 *
 * A scan returns the items of one secret after the other. So memory holds the versions of one
 * secret at a time, without their values, and 21 to 43 bytes for each data key in the table. That
 * no version opens under another identity is ensured by the code and the master key, so only some
 * versions are tried.
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
      // While a transaction commits, a scan may see its record before its versions.
      return await persisting(() => checkRecord(row, row.tenant, row.record, findEntryIn(vault)));
    }
    // Only versions with a value have a data key.
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
