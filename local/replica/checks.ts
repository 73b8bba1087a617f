/**
 * What a front refuses before anything reaches the log or the store: what would harm every replica, and what the
 * replica could not keep its promises for.
 */
import { isWire, refuse, type Wire, type WireReply } from './wire.ts';

/** The table of the replica's own bookkeeping; no client sees it. */
export const replicaTable = '_replica';

/** A transaction of a store takes 100 actions; two are the replica's own: the applied revision and the receipt. */
const actionsMax = 98;
/** JSON of 4 MB of binary values, and what is around them; the log takes entries of 8 MiB. */
export const entryBytesMax = 6 * 1024 * 1024;

const legacyParameters = [
  'AttributesToGet',
  'AttributeUpdates',
  'ConditionalOperator',
  'Expected',
  'KeyConditions',
  'QueryFilter',
  'ScanFilter',
];
/** Their results are parts of items, which are gone when a batch of entries has been applied. */
const returnValuesServed = new Set<unknown>([undefined, 'NONE', 'ALL_OLD', 'ALL_NEW']);

const entriesOf = (value: unknown): readonly [string, unknown][] =>
  isWire(value) ? Object.entries(value) : [];

/** The parts of a request that name a table or hold an expression. */
const partsOf = (body: Wire): readonly Wire[] => {
  const { TransactItems: actions, RequestItems: tables } = body;
  const ofActions = Array.isArray(actions) ? actions.flatMap((action) => entriesOf(action)) : [];
  const ofTables = entriesOf(tables).map(([TableName, part]) =>
    isWire(part) ? { TableName, ...part } : { TableName },
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

/** Refuses, for writes only, what the log cannot carry or the applier cannot answer. */
export const checkWrite = (operation: string, body: Wire, bytes: number): WireReply | undefined => {
  if (bytes > entryBytesMax) {
    return refuse('ValidationException', `a write is at most ${entryBytesMax} bytes here`);
  }
  const { TransactItems: actions } = body;
  if (operation === 'TransactWriteItems') {
    const isList = Array.isArray(actions) && actions.every(isOneAction);
    if (!isList) return refuse('ValidationException', 'TransactItems is a list of single actions');
    if (actions.length > actionsMax) {
      return refuse(
        'ValidationException',
        `a transaction takes at most ${actionsMax} actions here: two more are the replica's own`,
      );
    }
  }
  if (operation === 'UpdateItem' && body['UpdateExpression'] === undefined) {
    return refuse('ValidationException', 'UpdateExpression is required here');
  }
  if (!returnValuesServed.has(body['ReturnValues'])) {
    return refuse('ValidationException', 'ReturnValues is NONE, ALL_OLD or ALL_NEW here');
  }
  return undefined;
};

const isOneAction = (action: unknown): boolean => {
  const parts = entriesOf(action);
  return parts.length === 1 && isWire(parts[0]?.[1]);
};
