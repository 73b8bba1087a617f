/**
 * The store over one table. Every read that decides anything is consistent. Conditions alone decide about existence and
 * versions.
 */
import {
  ConditionalCheckFailedException,
  DescribeTableCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactGetItemsCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { VaultError } from '../model/errors.ts';
import { limits, times } from '../model/limits.ts';
import type { SealedVersion, StoredVersion } from '../model/types.ts';
import type { Look, Store, VersionRange, WriteOutcome } from '../vault/ports.ts';
import type { Ports } from '../vault/request.ts';
import { callOnce, classifyFailure, read, type Table } from './calls.ts';
import { actionsOf, allOld, decodeShown, ifAbsent, outcomeOfCancelled } from './guarded-actions.ts';
import {
  decodeHead,
  decodeRecord,
  decodeVersion,
  encodeHead,
  headSortKey,
  type Item,
  type ItemKey,
  recordKey,
  versionSortKey,
  visiblePartition,
  wholeSeconds,
} from './items.ts';
import { listNames } from './names.ts';
import { outcomeOfCreate, outcomeOfRecord, outcomeOfUpdate } from './outcome.ts';

export const createStore = (
  client: DynamoDBClient,
  tableName: string,
  vaultId: string,
): Ports['store'] => ({
  for: (context, principal) => {
    const table = { client, tableName, vaultId, context, principal };
    const reads = createReads(table);
    return {
      ...reads,
      ...createWrites(table, reads),
      listNames: (range) => listNames(table, range),
    };
  },
});

const capacity = { ReturnConsumedCapacity: 'TOTAL' } as const;

const createReads = (table: Table): Omit<Store, 'write' | 'lookUp' | 'listNames'> => {
  const { tableName, context, principal } = table;
  const { tenant } = principal;
  const headKey = (name: string) => ({ pk: visiblePartition(principal, name), sk: headSortKey });

  const getItem = async ({ pk, sk }: ItemKey): Promise<Item | undefined> => {
    const command = new GetItemCommand({
      TableName: tableName,
      Key: { pk: { S: pk }, sk: { S: sk } },
      ConsistentRead: true,
      ...capacity,
    });
    return (await read(table, 'GetItem', command)).Item;
  };

  /** A transaction that meets a write of one of its items is cancelled and retried. */
  const getItems = async (keys: readonly ItemKey[]): Promise<readonly (Item | undefined)[]> => {
    const command = new TransactGetItemsCommand({
      TransactItems: keys.map(({ pk, sk }) => ({
        Get: { TableName: tableName, Key: { pk: { S: pk }, sk: { S: sk } } },
      })),
      ...capacity,
    });
    const { Responses } = await read(table, 'TransactGetItems', command);
    if (Responses?.length !== keys.length) {
      throw new VaultError('integrity_failure', 'the store answered for another number of items');
    }
    return Responses.map(({ Item }) => Item);
  };

  const look = async (key: ItemKey, how: Look) =>
    how === 'plain' ? await getItem(key) : (await getItems([key]))[0];

  return {
    async findHead(name) {
      const item = await getItem(headKey(name));
      return item && decodeHead(item, tenant, name);
    },

    async findVersion(name, version, how = 'plain') {
      const pk = visiblePartition(principal, name);
      const item = await look({ pk, sk: versionSortKey(version) }, how);
      return item && decodeVersion(item, tenant, name, version);
    },

    async findHeads(names) {
      const items = await getItems(names.map(headKey)).catch((error: unknown) => {
        throw mayBeTooLarge(error, names.length) ? tooLarge(error) : error;
      });
      const heads = new Map<string, StoredVersion>();
      for (const [index, name] of names.entries()) {
        const item = items[index];
        if (item) heads.set(name, decodeHead(item, tenant, name));
      }
      return heads;
    },

    async listVersions(name, range) {
      const command = new QueryCommand({
        TableName: tableName,
        ...versionCondition(visiblePartition(principal, name), range),
        ConsistentRead: true,
        ...capacity,
      });
      const { Items = [] } = await read(table, 'Query', command);
      return Items.map((item) => decodeVersion(item, tenant, name, Number(item['version']?.N)));
    },

    async findRecord(hash, how = 'plain') {
      const key = recordKey(principal, hash);
      const item = await look(key, how);
      const record = item && decodeRecord(item, key);
      return record && record.expiresAt >= wholeSeconds(context.now) ? record : undefined;
    },

    async probe() {
      const command = new DescribeTableCommand({ TableName: tableName });
      const end = context.elapsed() + times.statusCallMs;
      const { Table: described } = await callOnce(table, 'DescribeTable', command, end);
      return { replicated: (described?.Replicas ?? []).length > 0 };
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

/** `reads` tell whether a write took effect. */
export const createWrites = (
  table: Table,
  reads: Pick<Store, 'findHead' | 'findVersion' | 'findRecord'>,
): Pick<Store, 'write' | 'lookUp'> => {
  const { tableName } = table;
  const { writeId } = table.context;

  const putFirst = async (first: SealedVersion): Promise<WriteOutcome> => {
    const put = { TableName: tableName, Item: encodeHead(first), ...ifAbsent, ...allOld };
    const command = new PutItemCommand({ ...put, ...capacity });
    try {
      await callOnce(table, 'PutItem', command, times.attemptsEndMs);
      return { outcome: 'written' };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) return outcomeOf(error);
      const { name } = first;
      return await outcomeOfCreate(writeId, name, decodeShown(table, name, error), reads);
    }
  };

  return {
    async write(write) {
      const { creates, update, unchanged, record } = write;
      const [only] = creates;
      if (only && creates.length === 1 && !update && !record && unchanged.length === 0) {
        return await putFirst(only);
      }
      const actions = actionsOf(table, reads, write);
      const command = new TransactWriteItemsCommand({
        TransactItems: actions.map(({ action }) => action),
        ...capacity,
      });
      try {
        await callOnce(table, 'TransactWriteItems', command, times.attemptsEndMs);
        return { outcome: 'written' };
      } catch (error) {
        if (!(error instanceof TransactionCanceledException)) return outcomeOf(error);
        return await outcomeOfCancelled(actions, error.CancellationReasons ?? []);
      }
    },

    async lookUp({ creates, update, record }) {
      const name = update?.base.name ?? creates[0]?.name;
      if (name === undefined) {
        if (!record) throw new VaultError('internal', 'a write of nothing');
        return outcomeOfRecord(writeId, await reads.findRecord(record.hash));
      }
      const head = await reads.findHead(name);
      return update
        ? await outcomeOfUpdate(writeId, update.base, head, reads)
        : await outcomeOfCreate(writeId, name, head, reads);
    },
  };
};

const outcomeOf = (error: unknown): WriteOutcome => {
  const failure = classifyFailure(error);
  return failure === 'unclear'
    ? { outcome: failure, cause: error }
    : { outcome: 'refused', reason: failure, cause: error };
};
