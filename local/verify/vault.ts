/**
 * Reads a whole table and checks every invariant of docs/design/storage.md. It may run while a vault serves: a scan is
 * not a snapshot, so an apparent violation is read again before it is reported.
 */
import { createHash } from 'node:crypto';
import {
  DescribeTableCommand,
  type DynamoDBClient,
  paginateQuery,
  paginateScan,
} from '@aws-sdk/client-dynamodb';
import type { KMSClient } from '@aws-sdk/client-kms';
import { type Item, secretPartition } from '../../functions/dynamodb/items.ts';
import { limits } from '../../functions/model/limits.ts';
import { inParallel } from '../../functions/vault/parallel.ts';
import { checkHistory, checkRecord, type Entry, entryOf, type FindEntry } from './history.ts';
import { checkOpening } from './opening.ts';
import { type Row, readRow, type Violation } from './rows.ts';

export type { Violation } from './rows.ts';

export type VerifiedVault = {
  readonly dynamodb: DynamoDBClient;
  readonly kms: KMSClient;
  readonly vaultId: string;
  readonly tableName: string;
  readonly masterKeyId: string;
};

/**
 * The number of times that an apparent violation is read again; a concurrent write does not come between every time.
 */
const rereadsMax = 3;

/** Reads all items of the table, page by page, as they are now. */
export async function* scanItems(
  vault: Pick<VerifiedVault, 'dynamodb' | 'tableName'>,
): AsyncGenerator<readonly Item[]> {
  const input = { TableName: vault.tableName, ConsistentRead: true };
  for await (const { Items } of paginateScan({ client: vault.dynamodb }, input)) yield Items ?? [];
}

const readPartition = async (vault: VerifiedVault, pk: string): Promise<Entry[]> => {
  const input = {
    TableName: vault.tableName,
    ConsistentRead: true,
    KeyConditionExpression: 'pk = :pk',
    ExpressionAttributeValues: { ':pk': { S: pk } },
  };
  const rows: Row[] = [];
  for await (const { Items } of paginateQuery({ client: vault.dynamodb }, input)) {
    rows.push(...(Items ?? []).map((item) => readRow(item, vault.vaultId)));
  }
  return rows.flatMap(entriesOf);
};

const entriesOf = (row: Row): readonly Entry[] =>
  row.kind === 'head' || row.kind === 'version'
    ? [entryOf({ pk: row.pk, sk: row.sk }, row.kind === 'head', row.stored)]
    : [];

const checkTable = async (vault: VerifiedVault): Promise<readonly Violation[]> => {
  const command = new DescribeTableCommand({ TableName: vault.tableName });
  const { Table } = await vault.dynamodb.send(command);
  const replicas = (Table?.Replicas ?? []).map(({ RegionName }) => RegionName);
  if (replicas.length === 0) return [];
  const problem = `the table is replicated to ${replicas.join(', ')}, where the last writer wins`;
  return [{ pk: '', sk: '', problem }];
};

/** Reads apparent violations again until they are gone, or have been there every time. */
const persisting = async (
  check: () => readonly Violation[],
  reread: () => Promise<void>,
): Promise<readonly Violation[]> => {
  let violations = check();
  for (let reads = 0; violations.length > 0 && reads < rereadsMax; reads += 1) {
    await reread();
    violations = check();
  }
  return violations;
};

/** Checks each row by itself as its page comes, and keeps only the parts of it that the other checks need. */
const checkRows = async (
  vault: VerifiedVault,
  keep: (row: Row) => void,
): Promise<readonly Violation[]> => {
  const violations: Violation[] = [];
  const owners = new Map<string, string>();
  for await (const page of scanItems(vault)) {
    const rows = page.map((item) => readRow(item, vault.vaultId));
    await inParallel(rows, limits.kmsConcurrencyMax, async (row) => {
      keep(row);
      const { pk, sk } = row;
      const report = (problem: string) => violations.push({ pk, sk, problem });
      if (row.kind === 'unreadable') report(row.problem);
      if (row.kind !== 'head' && row.kind !== 'version') return;
      // Only versions that hold a value have a data key.
      if (row.stored.state !== 'stored') return;
      for (const problem of await checkOpening(vault, row.stored)) report(problem);
      // If an update moves a version during the scan, the scan reads it twice, but it is still one version.
      const owner = `${pk} ${row.stored.version}`;
      const dataKey = createHash('sha256').update(row.stored.wrappedDataKey).digest('base64');
      if ((owners.get(dataKey) ?? owner) !== owner) report('has the data key of another version');
      owners.set(dataKey, owner);
    });
  }
  return violations;
};

/**
 * Returns all violations in the table; empty if there are none. Throws if the store or the master key cannot be used.
 * Never shows a value.
 */
export const checkVault = async (vault: VerifiedVault): Promise<readonly Violation[]> => {
  const secrets = new Map<string, Entry[]>();
  const records: Extract<Row, { kind: 'record' }>[] = [];
  const ofTable = await checkTable(vault);
  const ofRows = await checkRows(vault, (row) => {
    if (row.kind === 'record') records.push(row);
    const entries = secrets.get(row.pk) ?? [];
    entries.push(...entriesOf(row));
    if (entries.length > 0) secrets.set(row.pk, entries);
  });
  const reread = async (pk: string) => {
    secrets.set(pk, await readPartition(vault, pk));
  };
  const violations = [...ofTable, ...ofRows];
  for (const pk of secrets.keys()) {
    const check = () => checkHistory(secrets.get(pk) ?? []);
    violations.push(...(await persisting(check, () => reread(pk))));
  }
  const findEntry: FindEntry = (pk, version) =>
    secrets.get(pk)?.find((entry) => entry.version === version);
  for (const { pk, sk, tenant, record } of records) {
    const names = [...record.written, ...record.resolved].map(({ name }) => name);
    const check = () => checkRecord({ pk, sk }, tenant, record, findEntry);
    const rereadAll = async () => {
      for (const name of new Set(names)) await reread(secretPartition(tenant, name));
    };
    violations.push(...(await persisting(check, rereadAll)));
  }
  return violations;
};
