/**
 * The requests that a front serves, and their parameters. A parameter that is not listed here is refused by name, so
 * that nothing is asked for in vain.
 */
import * as v from 'valibot';
import { checkAttributes, itemBytesMax, sizeOfItem } from './attribute-values.ts';
import { type Expression, type Placeholders, parseExpression, type Used } from './expressions.ts';
import { type Item, invalid, isJson, type Json } from './protocol.ts';
import { exactItemKey, itemKey, type Table, tableShape } from './tables.ts';
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
  ReturnValuesOnConditionCheckFailure: v.optional(v.picklist(['NONE', 'ALL_OLD'])),
};
const capacity = { ReturnConsumedCapacity: v.optional(v.picklist(['TOTAL', 'NONE'])) };
const single = { ...capacity, ReturnValues: v.optional(v.literal('NONE')) };
const consistent = { ConsistentRead: v.optional(v.boolean()) };
const paging = {
  ...table,
  ...placeholders,
  ...capacity,
  ...consistent,
  FilterExpression: v.optional(v.string()),
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
  PutItem: v.strictObject({ ...table, ...condition, ...single, Item: json }),
  DeleteItem: v.strictObject({ ...table, ...condition, ...single, Key: json }),
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
    IndexName: v.optional(v.string()),
    KeyConditionExpression: v.string(),
    ScanIndexForward: v.optional(v.boolean()),
  }),
  Scan: v.strictObject(paging),
  CreateTable: v.omit(tableShape, ['TimeToLiveAttribute']),
  DescribeTable: v.strictObject(table),
  DescribeTimeToLive: v.strictObject(table),
  ListTables: v.strictObject({}),
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

/** The parameters of a request. Throws a ValidationException that names the first parameter at fault. */
export const checkRequest = <Name extends Operation>(name: Name, body: unknown): Request<Name> => {
  const result = v.safeParse(shapes[name], body);
  if (result.success) return result.output as Request<Name>;
  const [issue] = result.issues;
  throw invalid(`${v.getDotPath(issue) ?? 'the request'}: ${issue.message}`);
};

type Conditional = v.InferOutput<typeof putAction> | v.InferOutput<typeof keyAction>;

const placeholdersOf = (part: {
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>> | undefined;
  readonly ExpressionAttributeValues?: Json | undefined;
}): Placeholders => ({
  names: part.ExpressionAttributeNames ?? {},
  values: checkAttributes(part.ExpressionAttributeValues ?? {}),
});

/** Parses the expressions of one request or action, and refuses placeholders that none of them uses. */
export const expressionsOf = <Name extends string>(
  part: Parameters<typeof placeholdersOf>[0],
  texts: Readonly<Record<Name, string | undefined>>,
): Readonly<Record<Name, Expression | undefined>> => {
  const known = placeholdersOf(part);
  const used: Used = { names: new Set(), values: new Set() };
  const parsed = Object.entries<string | undefined>(texts).map(
    ([name, text]) =>
      [name, text === undefined ? undefined : parseExpression(text, known, used)] as const,
  );
  for (const [all, spent] of [
    [known.names, used.names],
    [known.values, used.values],
  ] as const) {
    const unused = Object.keys(all).find((name) => !spent.has(name));
    if (unused !== undefined) throw invalid(`Value provided is unused in expressions: ${unused}`);
  }
  return Object.fromEntries(parsed) as Record<Name, Expression | undefined>;
};

/** An action of a write, checked. Throws a ValidationException. */
export const actionOf = (kind: Action['kind'], table: Table, part: Conditional): Action => {
  const { ConditionExpression: text, ReturnValuesOnConditionCheckFailure: shown } = part;
  const { condition } = expressionsOf(part, { condition: text });
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

/** The attributes that a projection names, at the top of an item; `undefined` for all. Throws a ValidationException. */
export const projectionOf = (
  text: string | undefined,
  names: Readonly<Record<string, string>> = {},
): ReadonlySet<string> | undefined => {
  const words = text?.split(',').map((word) => word.trim()) ?? [];
  const unused = Object.keys(names).find((name) => !words.includes(name));
  if (unused !== undefined) throw invalid(`Value provided is unused in expressions: ${unused}`);
  if (text === undefined) return undefined;
  const attributes = new Set(words.map((word) => attributeOf(word, names)));
  if (attributes.size < words.length) {
    throw invalid('ProjectionExpression: two of its paths overlap');
  }
  return attributes;
};

const attributeOf = (word: string, names: Readonly<Record<string, string>>): string => {
  const name = word.startsWith('#') ? names[word] : word;
  if (name === undefined) throw invalid(`An expression attribute name is not defined: ${word}`);
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name;
  throw invalid('ProjectionExpression: it may only name attributes here, separated by commas');
};

/** The key attributes of a request, checked. */
export const keyOf = (key: Json): Item => checkAttributes(key);
