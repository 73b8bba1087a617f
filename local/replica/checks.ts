/**
 * What a front refuses before anything reaches the log or the store: what would harm every replica, and what the
 * replica could not keep its promises for.
 */

import { isWire, refuse, type Wire, type WireReply } from './wire.ts';
import type { WriteOperation } from './write.ts';

/** The table of the replica's own bookkeeping; no client sees it. */
export const replicaTable = '_replica';

/** A transaction of a store takes 100 actions; two are the replica's own: the applied revision and the receipt. */
const actionsMax = 98;
/** JSON of 4 MB of binary values, and what is around them; the log takes entries of 8 MiB. */
export const requestBytesMax = 6 * 1024 * 1024;

const legacyParameters = [
  'AttributesToGet',
  'AttributeUpdates',
  'ConditionalOperator',
  'Expected',
  'KeyConditions',
  'QueryFilter',
  'ScanFilter',
];
/** What a write may ask to be answered. Parts of items are gone when a batch of entries has been applied. */
const returnValuesServed: Readonly<Partial<Record<WriteOperation, readonly unknown[]>>> = {
  PutItem: ['NONE', 'ALL_OLD'],
  DeleteItem: ['NONE', 'ALL_OLD'],
  UpdateItem: ['NONE', 'ALL_OLD', 'ALL_NEW'],
};
/** The parameters that stay in the front, so that no store looks at them. */
const ownParameters = new Map<string, readonly unknown[]>([
  ['ReturnConsumedCapacity', ['INDEXES', 'TOTAL', 'NONE']],
  ['ReturnItemCollectionMetrics', ['SIZE', 'NONE']],
]);
const tokenLengthMax = 36;

const entriesOf = (value: unknown): readonly [string, unknown][] =>
  isWire(value) ? Object.entries(value) : [];

/** The parts of a request that name a table or hold an expression. */
const partsOf = (body: Wire): readonly Wire[] => {
  const { TransactItems: actions, RequestItems: tables } = body;
  const ofActions = Array.isArray(actions) ? actions.flatMap((action) => entriesOf(action)) : [];
  const ofTables = entriesOf(tables).map(([TableName, part]) =>
    isWire(part) ? { ...part, TableName } : { TableName },
  );
  return [body, ...ofActions.map(([, part]) => part).filter(isWire), ...ofTables];
};

const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text);

/** dynoxide 1.2.1 ends itself over these: in the log they would end every store at every start. */
const hasUnsafeText = (part: Wire): boolean =>
  Object.entries(part).some(([name, value]) =>
    name.endsWith('Expression')
      ? typeof value === 'string' && !isAscii(value)
      : (name === 'ExpressionAttributeNames' || name === 'ExpressionAttributeValues') &&
        entriesOf(value).some(([placeholder]) => !isAscii(placeholder)),
  );

const isReplicaTable = ({ TableName: table }: Wire): boolean =>
  typeof table === 'string' && (table === replicaTable || table.endsWith(`/${replicaTable}`));

const checkPart = (part: Wire): WireReply | undefined => {
  if (isReplicaTable(part)) {
    return refuse('ResourceNotFoundException', 'Requested resource not found');
  }
  const legacy = legacyParameters.find((name) => Object.hasOwn(part, name));
  if (legacy !== undefined) {
    return refuse('ValidationException', `${legacy} is not served here: use an expression`);
  }
  if (hasUnsafeText(part)) {
    return refuse('ValidationException', 'expressions and placeholders are ASCII only here');
  }
  return undefined;
};

/** Refuses what no replica must be asked; `undefined`: it may go on. For reads and writes. */
export const checkRequest = (body: Wire): WireReply | undefined => {
  for (const part of partsOf(body)) {
    const refused = checkPart(part);
    if (refused !== undefined) return refused;
  }
  return undefined;
};

const checkTransaction = ({ TransactItems: actions, ClientRequestToken: token }: Wire) => {
  if (!Array.isArray(actions) || !actions.every(isOneAction))
    return 'TransactItems is a list of single actions';
  if (actions.length === 0 || actions.length > actionsMax) {
    return `a transaction takes 1 to ${actionsMax} actions here: two more are the replica's own`;
  }
  const isToken = typeof token === 'string' && token !== '' && token.length <= tokenLengthMax;
  if (token !== undefined && !isToken)
    return `ClientRequestToken has 1 to ${tokenLengthMax} characters`;
  return undefined;
};

/** SQLite holds names that differ in case alone for one, and some names are the store's own. */
const checkTable = (body: Wire): string | undefined => {
  const { TableName: table } = body;
  if (typeof table === 'string' && /^(_|sqlite_)/i.test(table)) {
    return 'a table name does not begin with _ or sqlite_ here';
  }
  const indexes = [body['GlobalSecondaryIndexes'], body['LocalSecondaryIndexes']].flat();
  const names = new Set(indexes.filter(isWire).map(({ IndexName: name }) => String(name)));
  if (new Set([...names].map((name) => name.toLowerCase())).size < names.size) {
    return 'the names of two indexes do not differ in case alone here';
  }
  return undefined;
};

const checkParameters = (operation: WriteOperation, body: Wire): string | undefined => {
  for (const [name, served] of [
    ...ownParameters,
    ['ReturnValues', returnValuesServed[operation] ?? []] as const,
  ]) {
    const value = body[name];
    if (value !== undefined && !served.includes(value)) {
      return `${name} is one of ${served.join(', ') || 'none'} here`;
    }
  }
  return undefined;
};

/** Refuses, for writes only, what the log cannot carry or the applier cannot answer. */
export const checkWrite = (operation: WriteOperation, body: Wire): WireReply | undefined => {
  const sentence =
    checkParameters(operation, body) ??
    (operation === 'TransactWriteItems' ? checkTransaction(body) : undefined) ??
    (operation === 'CreateTable' ? checkTable(body) : undefined) ??
    (operation === 'UpdateItem' && body['UpdateExpression'] === undefined
      ? 'UpdateExpression is required here'
      : undefined);
  return sentence === undefined ? undefined : refuse('ValidationException', sentence);
};

const isOneAction = (action: unknown): boolean => {
  const parts = entriesOf(action);
  return parts.length === 1 && isWire(parts[0]?.[1]);
};
