/**
 * The requests that a front serves, and their parameters: those that the vault and its tools send. A parameter that is
 * not listed here is refused by name, because an ignored one would be believed.
 */
import * as v from 'valibot';
import { checkAttributes, itemBytesMax, sizeOfItem } from './attribute-values.ts';
import { invalid, isJson, type Json, type Reply } from './dynamodb-protocol.ts';
import { type Placeholders, parseCondition } from './expressions.ts';
import { exactItemKey, itemKey, type Table, tableShape } from './table-keys.ts';
import type { Action } from './transactions.ts';

const json = v.custom<Json>(isJson, 'must be an object');
const table = { TableName: v.string() };
const placeholders = {
  ExpressionAttributeNames: v.optional(v.record(v.string(), v.string())),
  ExpressionAttributeValues: v.optional(json),
};
const condition = {
  ConditionExpression: v.optional(v.string()),
  ...placeholders,
  ReturnValuesOnConditionCheckFailure: v.optional(v.literal('ALL_OLD')),
};
const capacity = { ReturnConsumedCapacity: v.optional(v.literal('TOTAL')) };
const consistent = { ConsistentRead: v.optional(v.boolean()) };
const paging = {
  ...table,
  ...capacity,
  ...consistent,
  ExclusiveStartKey: v.optional(json),
  Limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
};
const putAction = v.strictObject({ ...table, ...condition, Item: json });
const keyAction = v.strictObject({ ...table, ...condition, Key: json });

/** DynamoDB's limit of the keys of one batch. */
const batchKeysMax = 100;
/** DynamoDB's limits of a transaction. */
const actionsMax = 100;
const transactionBytesMax = 4 * 1_048_576;

export const shapes = {
  PutItem: v.strictObject({ ...table, ...condition, ...capacity, Item: json }),
  DeleteItem: v.strictObject({ ...table, ...condition, ...capacity, Key: json }),
  TransactWriteItems: v.strictObject({
    TransactItems: v.pipe(
      v.array(
        v.union(
          [
            v.strictObject({ Put: putAction }),
            v.strictObject({ Delete: keyAction }),
            v.strictObject({ ConditionCheck: keyAction }),
          ],
          'each of TransactItems is one Put, Delete or ConditionCheck here, with the parameters of one',
        ),
      ),
      v.minLength(1),
      v.maxLength(actionsMax, `a transaction has at most ${actionsMax} actions`),
    ),
    ...capacity,
    // A repeated transaction is not recognized by its token; its own effect may refuse it.
    ClientRequestToken: v.optional(v.string()),
  }),
  GetItem: v.strictObject({ ...table, ...capacity, ...consistent, Key: json }),
  TransactGetItems: v.strictObject({
    TransactItems: v.pipe(
      v.array(v.strictObject({ Get: v.strictObject({ ...table, Key: json }) })),
      v.minLength(1),
      v.maxLength(actionsMax, `a transaction has at most ${actionsMax} actions`),
    ),
    ...capacity,
  }),
  BatchGetItem: v.strictObject({
    RequestItems: v.record(
      v.string(),
      v.strictObject({
        ...consistent,
        Keys: v.pipe(v.array(json), v.minLength(1), v.maxLength(batchKeysMax)),
        ProjectionExpression: v.optional(v.string()),
        ExpressionAttributeNames: placeholders.ExpressionAttributeNames,
      }),
    ),
    ...capacity,
  }),
  Query: v.strictObject({
    ...paging,
    ...placeholders,
    IndexName: v.optional(v.string()),
    KeyConditionExpression: v.string(),
    ScanIndexForward: v.optional(v.boolean()),
  }),
  Scan: v.strictObject(paging),
  CreateTable: v.omit(tableShape, ['TimeToLiveAttribute']),
  DescribeTable: v.strictObject(table),
  DescribeTimeToLive: v.strictObject(table),
} as const;

export type Operation = keyof typeof shapes;

const writes: ReadonlySet<string> = new Set<Operation>([
  'PutItem',
  'DeleteItem',
  'TransactWriteItems',
  'CreateTable',
]);

/** Whether the operation changes what is stored. */
export const isWrite = (operation: string): boolean => writes.has(operation);

export type Request<Name extends Operation> = v.InferOutput<(typeof shapes)[Name]>;

/** What answers each operation by `deadline` (`performance.now()`). Rejects with a `Refusal`, or as `Etcd` does. */
export type Operations = {
  readonly [Name in Operation]: (request: Request<Name>, deadline: number) => Promise<Reply>;
};

/** The parameters of a request. Throws a ValidationException that names the first parameter at fault. */
export const checkRequest = <Name extends Operation>(name: Name, body: unknown): Request<Name> => {
  const result = v.safeParse(shapes[name], body);
  if (result.success) return result.output as Request<Name>;
  const [issue] = result.issues;
  throw invalid(`${v.getDotPath(issue) ?? 'the request'}: ${issue.message}`);
};

type Conditional = v.InferOutput<typeof putAction> | v.InferOutput<typeof keyAction>;

/** The placeholders of a request or an action, its values checked. Throws a ValidationException. */
export const placeholdersOf = (part: {
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>> | undefined;
  readonly ExpressionAttributeValues?: Json | undefined;
}): Placeholders => ({
  names: part.ExpressionAttributeNames ?? {},
  values: checkAttributes(part.ExpressionAttributeValues ?? {}),
});

/** An action of a write, checked. Throws a ValidationException. */
export const actionOf = (kind: Action['kind'], table: Table, part: Conditional): Action => {
  const { ConditionExpression: text, ReturnValuesOnConditionCheckFailure: shown } = part;
  const condition = parseCondition(text, placeholdersOf(part));
  if (kind === 'ConditionCheck' && condition === undefined) {
    throw invalid('ConditionExpression: a ConditionCheck needs one');
  }
  const common = { kind, table, condition, showsItem: shown === 'ALL_OLD' };
  if ('Key' in part) return { ...common, key: exactItemKey(table, checkAttributes(part.Key)) };
  const item = checkAttributes(part.Item);
  if (sizeOfItem(item) > itemBytesMax) {
    throw invalid('Item size has exceeded the maximum allowed size');
  }
  return { ...common, key: itemKey(table, item), item };
};

/** Throws a ValidationException for a transaction that DynamoDB refuses as a whole. */
export const checkTransaction = (actions: readonly Action[]): void => {
  if (new Set(actions.map(({ key }) => key)).size < actions.length) {
    throw invalid('Transaction request cannot include multiple operations on one item');
  }
  const bytes = actions.reduce((sum, { item }) => sum + (item ? sizeOfItem(item) : 0), 0);
  if (bytes > transactionBytesMax) throw invalid('Transaction size exceeds 4 MB');
};
