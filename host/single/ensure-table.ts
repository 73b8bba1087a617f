/**
 * Creates the vault's table in a store that lacks it, and refuses a table that differs from it.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import {
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  type TableDescription,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { tableDefinition } from '../../functions/dynamodb/table-definition.ts';
import { failure } from '../../system/failures.ts';

const isNamed = (error: unknown, name: string): boolean =>
  typeof error === 'object' && error !== null && 'name' in error && error.name === name;

const describe = async (
  client: DynamoDBClient,
  TableName: string,
): Promise<TableDescription | undefined> => {
  try {
    return (await client.send(new DescribeTableCommand({ TableName }))).Table;
  } catch (error) {
    if (isNamed(error, 'ResourceNotFoundException')) return undefined;
    throw error;
  }
};

const create = async (client: DynamoDBClient, TableName: string): Promise<void> => {
  try {
    await client.send(new CreateTableCommand({ TableName, ...tableDefinition.create }));
  } catch (error) {
    // Another process has created the table in the meantime. It is checked like a table that was
    // there before.
    if (!isNamed(error, 'ResourceInUseException')) throw error;
  }
};

const checkIsAsDefined = (table: TableDescription): void => {
  const indexes = (table.GlobalSecondaryIndexes ?? []).map((index) => ({
    IndexName: index.IndexName,
    KeySchema: index.KeySchema,
    Projection: { ProjectionType: index.Projection?.ProjectionType },
  }));
  const { KeySchema, GlobalSecondaryIndexes } = tableDefinition.create;
  const isSame =
    isDeepStrictEqual(table.KeySchema, KeySchema) &&
    isDeepStrictEqual(indexes, GlobalSecondaryIndexes);
  if (isSame) return;
  throw failure(`the table ${table.TableName} differs from the one that the vault needs`);
};

/** Enables the deletion of expired items in the store. */
export const ensureTimeToLive = async (
  client: DynamoDBClient,
  TableName: string,
): Promise<void> => {
  const { timeToLiveAttribute: AttributeName } = tableDefinition;
  const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName }));
  if (TimeToLiveDescription?.AttributeName === AttributeName) return;
  const TimeToLiveSpecification = { AttributeName, Enabled: true };
  await client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }));
};

/**
 * Creates the table unless it exists, and returns when it is active. Several processes may call
 * this at once. Point-in-time recovery is left out, because the local stores do not know it. Throws
 * a user-facing error if the table differs from the definition in its keys or indexes.
 */
export const ensureTable = async (client: DynamoDBClient, tableName: string): Promise<void> => {
  let table = await describe(client, tableName);
  if (table === undefined) await create(client, tableName);
  while (table?.TableStatus !== 'ACTIVE') {
    table = await describe(client, tableName);
    if (table?.TableStatus !== 'ACTIVE') await sleep(20);
  }
  checkIsAsDefined(table);
};
