/** The reading half of the store. Every read that decides anything is consistent. */
import {
  DescribeTableCommand,
  type DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  TransactGetItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { VaultError } from '../model/errors.ts';
import { limits, times } from '../model/limits.ts';
import type { Principal, StoredVersion } from '../model/types.ts';
import type { Look, RequestContext, Store, VersionRange } from '../vault/ports.ts';
import { callOnce, read } from './calls.ts';
import {
  decodeHead,
  decodeRecord,
  decodeVersion,
  headSortKey,
  type Item,
  type ItemKey,
  recordKey,
  versionSortKey,
  visiblePartition,
  wholeSeconds,
} from './items.ts';

const capacity = { ReturnConsumedCapacity: 'TOTAL' } as const;

type Reads = Omit<Store, 'write' | 'lookUp' | 'listNames'>;

export const createReads = (client: DynamoDBClient, tableName: string): Reads => {
  const getItem = async (context: RequestContext, { pk, sk }: ItemKey) => {
    const command = new GetItemCommand({
      TableName: tableName,
      Key: { pk: { S: pk }, sk: { S: sk } },
      ConsistentRead: true,
      ...capacity,
    });
    const output = await read(client, context, 'GetItem', (dynamodb, options) =>
      dynamodb.send(command, options),
    );
    return output.Item;
  };

  /** A transaction that meets a write of one of its items is cancelled and retried. */
  const getItems = async (context: RequestContext, keys: readonly ItemKey[]) => {
    const command = new TransactGetItemsCommand({
      TransactItems: keys.map(({ pk, sk }) => ({
        Get: { TableName: tableName, Key: { pk: { S: pk }, sk: { S: sk } } },
      })),
      ...capacity,
    });
    const { Responses } = await read(client, context, 'TransactGetItems', (dynamodb, options) =>
      dynamodb.send(command, options),
    );
    if (Responses?.length !== keys.length) {
      throw new VaultError('integrity_failure', 'the store answered for another number of items');
    }
    return Responses.map(({ Item }) => Item);
  };

  const look = async (context: RequestContext, key: ItemKey, how: Look) => {
    if (how === 'plain') return await getItem(context, key);
    const [item] = await getItems(context, [key]);
    return item;
  };

  return {
    async findHead(context, principal, name) {
      const pk = visiblePartition(principal, name);
      const item = await getItem(context, { pk, sk: headSortKey });
      return item && decodeHead(item, principal.tenant, name);
    },

    async findVersion(context, principal, name, version, how = 'plain') {
      const pk = visiblePartition(principal, name);
      const item = await look(context, { pk, sk: versionSortKey(version) }, how);
      return item && decodeVersion(item, principal.tenant, name, version);
    },

    async findHeads(context, principal, names) {
      const keys = names.map((name) => ({
        pk: visiblePartition(principal, name),
        sk: headSortKey,
      }));
      const items = await getItems(context, keys).catch((error: unknown) => {
        throw mayBeTooLarge(error, names.length) ? tooLarge(error) : error;
      });
      return decodeHeads(principal, names, items);
    },

    async listVersions(context, principal, name, range) {
      const command = new QueryCommand({
        TableName: tableName,
        ...versionCondition(visiblePartition(principal, name), range),
        ConsistentRead: true,
        ...capacity,
      });
      const { Items } = await read(client, context, 'Query', (dynamodb, options) =>
        dynamodb.send(command, options),
      );
      return (Items ?? []).map((item) => {
        const version = Number(item['version']?.N);
        return decodeVersion(item, principal.tenant, name, version);
      });
    },

    async findRecord(context, principal, hash, how = 'plain') {
      const key = recordKey(principal, hash);
      const item = await look(context, key, how);
      const record = item && decodeRecord(item, key);
      return record && record.expiresAt >= wholeSeconds(context.now) ? record : undefined;
    },

    async probe(context) {
      const command = new DescribeTableCommand({ TableName: tableName });
      const end = context.elapsed() + times.statusCallMs;
      const { Table } = await callOnce(
        client,
        context,
        'DescribeTable',
        (dynamodb, options) => dynamodb.send(command, options),
        end,
      );
      return { replicated: (Table?.Replicas ?? []).length > 0 };
    },
  };
};

/** DynamoDB answers a transaction of more than 4 MB like any malformed one. */
const mayBeTooLarge = (error: unknown, items: number): boolean =>
  error instanceof VaultError &&
  error.code === 'internal' &&
  items * limits.itemBytesMax > limits.transactionBytesMax;

/** A transaction of that size holds more bytes of values than a file may have. */
const tooLarge = (cause: unknown): VaultError =>
  new VaultError('too_large', 'the secrets of the file are too large together', {
    members: { limit: limits.fileValuesBytesMax },
    cause,
  });

const decodeHeads = (
  principal: Principal,
  names: readonly string[],
  items: readonly (Item | undefined)[],
): ReadonlyMap<string, StoredVersion> => {
  const heads = new Map<string, StoredVersion>();
  for (const [index, name] of names.entries()) {
    const item = items[index];
    if (item) heads.set(name, decodeHead(item, principal.tenant, name));
  }
  return heads;
};

const versionCondition = (pk: string, { above, below, order, limit }: VersionRange) => ({
  KeyConditionExpression: 'pk = :pk AND sk BETWEEN :first AND :last',
  ExpressionAttributeValues: {
    ':pk': { S: pk },
    ':first': { S: versionSortKey(above + 1) },
    ':last': { S: versionSortKey(below - 1) },
  },
  ScanIndexForward: order === 'asc',
  Limit: limit,
});
