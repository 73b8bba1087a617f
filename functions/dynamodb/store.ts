/**
 * The store over one table. Every read that decides anything is consistent. Conditions alone decide about
 * existence and versions.
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
import type { DestroyedVersion, Head } from '../model/types.ts';
import type { Change, ReadMode, Store, VersionRange, WriteOutcome } from '../vault/ports.ts';
import type { Ports } from '../vault/request.ts';
import { type Failure, retryCall } from '../vault/retries.ts';
import { callOnce, classifyFailure, failureOf, ownerOf, read, type Table } from './calls.ts';
import { actionsOf, allOld, decodeShown, ifAbsent, outcomeOfCancelled } from './guarded-actions.ts';
import {
  decodeHead,
  decodeRecord,
  decodeVersion,
  encodeHead,
  encodeVersion,
  headSortKey,
  type Item,
  type ItemKey,
  recordKey,
  versionSortKey,
  visiblePartition,
  wholeSeconds,
} from './items.ts';
import { findDetails, listNames } from './names.ts';
import { outcomeOfChange, outcomeOfRecord } from './outcome.ts';

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
      findDetails: (names) => findDetails(table, names),
    };
  },
});

const capacity = { ReturnConsumedCapacity: 'TOTAL' } as const;

const createReads = (
  table: Table,
): Omit<Store, 'write' | 'destroy' | 'lookUp' | 'listNames' | 'findDetails'> => {
  const { tableName, context, principal } = table;
  const owner = ownerOf(table);
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

  const look = async (key: ItemKey, mode: ReadMode) =>
    mode === 'plain' ? await getItem(key) : (await getItems([key]))[0];

  return {
    async findHead(name) {
      const item = await getItem(headKey(name));
      return item && decodeHead(item, owner, name);
    },

    async findVersion(name, version, mode = 'plain') {
      const pk = visiblePartition(principal, name);
      const item = await look({ pk, sk: versionSortKey(version) }, mode);
      return item && decodeVersion(item, owner, name, version);
    },

    async findHeads(names) {
      const items = await getItems(names.map(headKey)).catch((error: unknown) => {
        throw mayBeTooLarge(error, names.length) ? tooLarge(error) : error;
      });
      const heads = new Map<string, Head>();
      for (const [index, name] of names.entries()) {
        const item = items[index];
        if (item) heads.set(name, decodeHead(item, owner, name));
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
      return Items.map((item) => decodeVersion(item, owner, name, Number(item['version']?.N)));
    },

    async findRecord(keyHash, mode = 'plain') {
      const key = recordKey(principal, keyHash);
      const item = await look(key, mode);
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
    properties: { limit: limits.fileValuesBytesMax },
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
): Pick<Store, 'write' | 'destroy' | 'lookUp'> => {
  const { tableName } = table;
  const { writeId } = table.context;

  const putFirst = async (first: Change): Promise<WriteOutcome> => {
    const put = { TableName: tableName, Item: encodeHead(first.next), ...ifAbsent, ...allOld };
    const command = new PutItemCommand({ ...put, ...capacity });
    try {
      await callOnce(table, 'PutItem', command, times.attemptsEndMs);
      return { outcome: 'written' };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) return outcomeOf(error);
      const shown = decodeShown(table, first.next.name, error);
      return await outcomeOfChange(writeId, first, shown, reads);
    }
  };

  return {
    async write(write) {
      const { changes, unchanged, record } = write;
      const [only] = changes;
      const isPlain = changes.length === 1 && unchanged.length === 0 && !record;
      if (only && !only.base && isPlain) return await putFirst(only);
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

    async lookUp({ changes: [change], record }) {
      if (change) {
        const shown = await reads.findHead(change.next.name);
        return await outcomeOfChange(writeId, change, shown, reads);
      }
      if (!record) throw new VaultError('internal', 'a write of nothing');
      return outcomeOfRecord(writeId, await reads.findRecord(record.keyHash));
    },

    async destroy(destroyed, validTo) {
      const command = new PutItemCommand({
        TableName: tableName,
        Item: encodeVersion(destroyed, validTo),
        ConditionExpression: 'writeId = :writeId AND #state = :stored',
        ExpressionAttributeNames: { '#state': 'state' },
        ExpressionAttributeValues: {
          ':writeId': { S: destroyed.writeId },
          ':stored': { S: 'stored' },
        },
        ...allOld,
        ...capacity,
      });
      const put = async (): Promise<DestroyedVersion> => {
        table.context.journal.attempted();
        try {
          await callOnce(table, 'PutItem', command, times.attemptsEndMs);
          return destroyed;
        } catch (error) {
          if (!(error instanceof ConditionalCheckFailedException)) throw error;
          return decodeDestroyed(table, destroyed, error.Item);
        }
      };
      return await retryCall(table.context, put, createFailureOfRepeatable());
    },
  };
};

/** The item that refused a destruction, which must be the same version, destroyed before. */
const decodeDestroyed = (
  table: Table,
  { name, version, writeId }: DestroyedVersion,
  item: Item | undefined,
): DestroyedVersion => {
  const shown = item && decodeVersion(item, ownerOf(table), name, version);
  if (shown?.state === 'destroyed' && shown.writeId === writeId) return shown;
  throw new VaultError('integrity_failure', 'a superseded version is gone or has changed');
};

/** The failures of a write that is idempotent. After an unclear attempt, the outcome stays unknown. */
const createFailureOfRepeatable = () => {
  let unclear = false;
  return (cause: unknown): Failure => {
    const failure = failureOf(cause);
    unclear ||= classifyFailure(cause) === 'unclear';
    const unknown = () =>
      new VaultError('outcome_unknown', 'the write may have taken effect', { cause });
    return unclear ? { ...failure, error: unknown } : failure;
  };
};

const outcomeOf = (error: unknown): WriteOutcome => {
  const failure = classifyFailure(error);
  return failure === 'unclear'
    ? { outcome: failure, cause: error }
    : { outcome: 'refused', reason: failure, cause: error };
};
