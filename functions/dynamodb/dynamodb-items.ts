/**
 * Items in a DynamoDB table. DynamoDB's own conditions and transactions check the guards of each
 * write.
 */
import {
  BatchGetItemCommand,
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
import { ApiError } from '../model/errors.ts';
import { limits, times } from '../model/limits.ts';
import {
  headSortKey,
  type Item,
  indexName,
  indexPartition,
  keyIn,
  secretPartition,
} from '../store/items.ts';
import {
  type Guard,
  type Items,
  type ItemsOf,
  type NamesPartition,
  NotSent,
} from '../store/ports.ts';
import { startBackoff } from '../vault/retries.ts';
import { actionOf, judgedBy, keyOf, putOf } from './actions.ts';
import { callOnce, classifyFailure, type Table } from './calls.ts';

const capacity = { ReturnConsumedCapacity: 'TOTAL' } as const;

export const createDynamodbItems =
  (client: DynamoDBClient, tableName: string): ItemsOf =>
  (context) =>
    itemsOf({ client, tableName, context });

/**
 * Makes one call. Throws `NotSent` if it had no effect, `internal` if DynamoDB calls it malformed,
 * and otherwise the client's error.
 */
const call: typeof callOnce = async (...args) => {
  try {
    return await callOnce(...args);
  } catch (error) {
    throw asFailure(error);
  }
};

const asFailure = (error: unknown): unknown => {
  const failure = classifyFailure(error);
  return failure === 'unclear' ? error : new NotSent(failure, { cause: error });
};

const itemsOf = (table: Table): Items => {
  const { tableName } = table;

  const getOne = async (key: Guard['key']) => {
    const command = new GetItemCommand({
      TableName: tableName,
      Key: keyOf(key),
      ConsistentRead: true,
      ...capacity,
    });
    return [(await call(table, 'GetItem', command)).Item];
  };

  /**
   * DynamoDB cancels the transaction if one of its items is being written. That counts as
   * throttling.
   */
  const getSettled = async (keys: readonly Guard['key'][]) => {
    const command = new TransactGetItemsCommand({
      TransactItems: keys.map((key) => ({ Get: { TableName: tableName, Key: keyOf(key) } })),
      ...capacity,
    });
    const { Responses } = await call(table, 'TransactGetItems', command).catch((error) => {
      throw mayBeTooLarge(error, keys.length) ? tooLarge(error) : error;
    });
    if (Responses?.length !== keys.length) {
      throw new ApiError('integrity_failure', 'the store answered for another number of items');
    }
    return Responses.map(({ Item: item }) => item);
  };

  const putOne = async ({ expected }: Guard, item: Item) => {
    const command = new PutItemCommand({ ...putOf(tableName, expected, item), ...capacity });
    try {
      await callOnce(table, 'PutItem', command, times.attemptsEndMs);
      return 'written';
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw asFailure(error);
      return [{ is: 'failed', item: error.Item }] as const;
    }
  };

  const transact = async (guards: readonly Guard[]) => {
    const command = new TransactWriteItemsCommand({
      TransactItems: guards.map((guard) => actionOf(tableName, guard)),
      ...capacity,
    });
    try {
      await callOnce(table, 'TransactWriteItems', command, times.attemptsEndMs);
      return 'written';
    } catch (error) {
      if (!(error instanceof TransactionCanceledException)) throw asFailure(error);
      return judgedBy(guards, error.CancellationReasons ?? []);
    }
  };

  return {
    get: (keys, { settled = false, attributes } = {}) => {
      if (attributes) return getProjected(table, keys, attributes);
      const [only, ...others] = keys;
      return only && others.length === 0 && !settled ? getOne(only) : getSettled(keys);
    },

    async range(pk, { from, to, order, limit }) {
      const command = new QueryCommand({
        TableName: tableName,
        KeyConditionExpression: 'pk = :pk AND sk BETWEEN :first AND :last',
        ExpressionAttributeValues: { ':pk': { S: pk }, ':first': { S: from }, ':last': { S: to } },
        ScanIndexForward: order === 'asc',
        Limit: limit,
        ConsistentRead: true,
        ...capacity,
      });
      const { Items: found = [] } = await call(table, 'Query', command);
      return found;
    },

    names: async (partition, { text, exact, after }, limit) => {
      const command = new QueryCommand({
        TableName: tableName,
        IndexName: indexName,
        KeyConditionExpression: 'tenant = :tenant AND #name BETWEEN :first AND :last',
        ExpressionAttributeNames: { '#name': 'name' },
        ExpressionAttributeValues: {
          ':tenant': { S: indexPartition(partition.tenant, partition.state) },
          // For DynamoDB, `ExclusiveStartKey` alone would be enough to continue after the last
          // page. dynoxide would then read all earlier names again, so the lower bound moves, too.
          ':first': { S: after ?? (text || firstName) },
          ':last': { S: exact ? text : `${text}${afterNames}` },
        },
        ...(after !== undefined && { ExclusiveStartKey: startKey(partition, after) }),
        Limit: limit,
        ...capacity,
      });
      const { Items: found = [], LastEvaluatedKey } = await call(table, 'Query', command);
      const names = found.map(({ name }) => name?.S ?? '');
      return { names, more: LastEvaluatedKey !== undefined };
    },

    write: async (guards) => {
      const [only, ...others] = guards;
      // An idempotency record, the only item that expires, is written in a transaction even if it
      // is alone, so that all requests with an idempotency key use the same call.
      const isSingle = others.length === 0 && only?.expected.is !== 'expired';
      return isSingle && only?.put ? await putOne(only, only.put) : await transact(guards);
    },

    async probe() {
      const command = new DescribeTableCommand({ TableName: tableName });
      const end = table.context.elapsed() + times.statusCallMs;
      const { Table: described } = await call(table, 'DescribeTable', command, end);
      return { replicated: (described?.Replicas ?? []).length > 0 };
    },
  };
};

/**
 * Names are ASCII without `~`, so the names that begin with a text lie between that text and the
 * text followed by `~`. No name sorts before `A`. `begins_with` would do on AWS, but dynoxide
 * ignores case in it (docs/decisions.md).
 */
const firstName = 'A';
const afterNames = '~';

/**
 * The key after which a page starts. It is built from the tenant and a checked name; a caller
 * cannot supply a whole key.
 */
const startKey = ({ tenant, state }: NamesPartition, name: string) => ({
  ...keyOf({ pk: secretPartition(tenant, name), sk: headSortKey }),
  tenant: { S: indexPartition(tenant, state) },
  name: { S: name },
});

/**
 * DynamoDB refuses a transaction of more than 4 MB like any malformed request, so the error does
 * not show the cause. The size is taken for the cause if so many items can have more than 4 MB.
 */
const mayBeTooLarge = (error: unknown, items: number): boolean =>
  error instanceof ApiError &&
  error.code === 'internal' &&
  items * limits.itemBytesMax > limits.transactionBytesMax;

/**
 * The error for a file whose items are together larger than a transaction can read. The values of
 * such a file also exceed `limits.fileValuesBytesMax`, so the error names that limit.
 */
const tooLarge = (cause: unknown): ApiError =>
  new ApiError(
    'too_large',
    `the file has values of more than ${limits.fileValuesBytesMax} bytes in total: split it`,
    { properties: { limit: limits.fileValuesBytesMax }, cause },
  );

/**
 * Consistently reads the projected items. DynamoDB may answer for some of the keys only; the others
 * are requested again while there is time.
 */
const getProjected = async (
  table: Table,
  keys: readonly Guard['key'][],
  attributes: readonly string[],
): Promise<readonly (Item | undefined)[]> => {
  const { tableName, context } = table;
  const asked = new Set(keys.map(textOf));
  const found = new Map<string, Item>();
  const backoff = startBackoff(context);
  let rest = keys;
  while (rest.length > 0) {
    const command = new BatchGetItemCommand({
      RequestItems: {
        [tableName]: { Keys: rest.map(keyOf), ConsistentRead: true, ...projectionOf(attributes) },
      },
      ...capacity,
    });
    const { Responses, UnprocessedKeys } = await call(table, 'BatchGetItem', command);
    for (const item of Responses?.[tableName] ?? []) {
      const key = textOf(keyIn(item));
      if (!asked.has(key)) {
        throw new ApiError('integrity_failure', 'the store returned an item of another name');
      }
      found.set(key, item);
    }
    const left = new Set(UnprocessedKeys?.[tableName]?.Keys?.map((key) => textOf(keyIn(key))));
    rest = rest.filter((key) => left.has(textOf(key)));
    if (rest.length > 0 && !(await backoff())) throw new NotSent('throttled');
  }
  return keys.map((key) => found.get(textOf(key)));
};

const textOf = ({ pk, sk }: Guard['key']): string => `${pk} ${sk}`;

/**
 * Every attribute gets a placeholder, because some names, such as `name` and `state`, are reserved
 * words.
 */
const projectionOf = (attributes: readonly string[]) => ({
  ProjectionExpression: attributes.map((name) => `#${name}`).join(', '),
  ExpressionAttributeNames: Object.fromEntries(attributes.map((name) => [`#${name}`, name])),
});
