/** Capacity units as DynamoDB counts them (Developer Guide, "Read and write operations"). */

import { sizeOfItem } from './attribute-values.ts';
import type { Item, Json } from './dynamodb-protocol.ts';
import type { ItemCopy } from './item-copies.ts';
import { changedEntries, type Table } from './table-keys.ts';
import type { Action } from './transactions.ts';

const writeUnits = (bytes: number): number => Math.max(1, Math.ceil(bytes / 1_024));
const readUnits = (bytes: number): number => Math.max(1, Math.ceil(bytes / 4_096));

/** A read of items that are consistent: one unit for each started 4 KB of each. */
export const unitsOfReads = (copies: readonly ItemCopy<Item>[]): number =>
  copies.reduce((sum, { item }) => sum + readUnits(item ? sizeOfItem(item) : 0), 0);

/** A page: its items together, half as much if the read need not be consistent. */
export const unitsOfPage = (bytes: number, isConsistent: boolean): number =>
  readUnits(bytes) * (isConsistent ? 1 : 0.5);

/**
 * A write: the larger of the item before and after, `times` 2 in a transaction, and one unit for each started KB of an
 * entry of an index that changes, in a transaction too.
 */
export const unitsOfAction = (
  { table, item, kind }: Action,
  before: ItemCopy<Item> | undefined,
  times: 1 | 2,
): number => {
  const sizes = [before?.item, item].map((one) => (one ? sizeOfItem(one) : 0));
  const units = times * writeUnits(Math.max(...sizes));
  if (kind === 'ConditionCheck') return units;
  const { puts, removes } = changedEntries(table, before?.item, item);
  return [...puts, ...removes].reduce(
    (sum, [key, json]) => (key.startsWith('index/') ? sum + writeUnits(json.length) : sum),
    units,
  );
};

/** The `ConsumedCapacity` of a reply, if the request asks for it. */
export const consumed = (requested: 'TOTAL' | undefined, table: string, units: number): Json =>
  requested === 'TOTAL' ? { ConsumedCapacity: { TableName: table, CapacityUnits: units } } : {};

/** The `ConsumedCapacity` of a transaction: a list, with one entry for each table. */
export const consumedByTables = (
  requested: 'TOTAL' | undefined,
  targets: readonly { readonly table: Table }[],
  units: readonly number[],
): Json => {
  if (requested !== 'TOTAL') return {};
  const sums = new Map<string, number>();
  for (const [index, { table }] of targets.entries()) {
    sums.set(table.TableName, (sums.get(table.TableName) ?? 0) + (units[index] ?? 0));
  }
  return {
    ConsumedCapacity: [...sums].map(([TableName, CapacityUnits]) => ({ TableName, CapacityUnits })),
  };
};
