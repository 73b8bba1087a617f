/** Random writes that meet each other: few items, conditions that hold and fail, tokens that come again, mistakes. */
import fc from 'fast-check';
import { countTogether, type LogEntry, type Tables } from '../../local/replica/batch.ts';
import {
  createWrite,
  encodeEntry,
  type Write,
  type WriteOperation,
} from '../../local/replica/write.ts';
import { tableOf } from './replica.ts';

export type WriteRequest = {
  readonly operation: WriteOperation;
  readonly body: Readonly<Record<string, unknown>>;
};

const textTable = 'texts';
const numberTable = 'numbers';
/** Which must be there before the requests are made; `prefix` keeps one run of requests from another. */
export const tablesOf = (prefix: string): readonly WriteRequest[] => [
  { operation: 'CreateTable', body: tableOf(prefix + textTable) },
  { operation: 'CreateTable', body: tableOf(prefix + numberTable, 'N') },
];

const sk = { S: '-' };
// The same numbers, written in several ways: one item each.
const place = (prefix: string) =>
  fc.oneof(
    fc.constantFrom('a', 'b', 'c', 'd', 'e', 'é').map((S) => ({
      TableName: prefix + textTable,
      key: { pk: { S }, sk },
    })),
    fc.constantFrom('1', '1.0', '01', '2', '2e0', '3').map((N) => ({
      TableName: prefix + numberTable,
      key: { pk: { N }, sk },
    })),
  );
const value = fc.nat(3).map((n) => ({ N: String(n) }));
const condition = fc.constantFrom(
  {},
  { ConditionExpression: 'attribute_not_exists(pk)' },
  { ConditionExpression: 'attribute_exists(pk)' },
);
const onFailure = fc.constantFrom({}, { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' });
const guard = fc.tuple(condition, onFailure).map(([one, other]) => ({ ...one, ...other }));

const put = (prefix: string) =>
  fc.tuple(place(prefix), value, guard).map(([{ TableName, key }, n, guards]) => ({
    TableName,
    Item: { ...key, n },
    ...guards,
  }));
const remove = (prefix: string) =>
  fc.tuple(place(prefix), guard).map(([{ TableName, key }, guards]) => ({
    TableName,
    Key: key,
    ...guards,
  }));
const change = (prefix: string) =>
  fc
    .tuple(remove(prefix), value, fc.constantFrom('ADD n :n', 'SET m = n', 'SET n = :n REMOVE m'))
    .map(([part, n, UpdateExpression]) => ({
      ...part,
      UpdateExpression,
      ...(UpdateExpression.includes(':n') && { ExpressionAttributeValues: { ':n': n } }),
    }));
const check = (prefix: string) =>
  fc.tuple(place(prefix), onFailure).map(([{ TableName, key }, failing]) => ({
    TableName,
    Key: key,
    ConditionExpression: 'attribute_exists(pk)',
    ...failing,
  }));

const transaction = (prefix: string) => {
  const action = fc.oneof(
    put(prefix).map((Put) => ({ Put })),
    change(prefix).map((Update) => ({ Update })),
    remove(prefix).map((Delete) => ({ Delete })),
    check(prefix).map((ConditionCheck) => ({ ConditionCheck })),
  );
  return fc
    .array(action, { minLength: 1, maxLength: 3 })
    .map((TransactItems) => ({ TransactItems }));
};
/** Few tokens: the same with the same request, and with another one. */
const withToken = (prefix: string) =>
  fc.tuple(transaction(prefix), fc.constantFrom('t', 'u')).map(([body, token]) => ({
    ...body,
    ClientRequestToken: prefix + token,
  }));

/** So many requests, whose tables begin with `prefix`. */
export const writeRequests = (prefix: string, lengths: fc.ArrayConstraints) => {
  const returning = (...served: readonly string[]) =>
    fc.constantFrom({}, {}, ...served.map((ReturnValues) => ({ ReturnValues })));
  const single = <Body extends object>(
    operation: WriteOperation,
    body: fc.Arbitrary<Body>,
    ...served: readonly string[]
  ) =>
    fc.tuple(body, returning(...served)).map(
      ([part, returned]): WriteRequest => ({
        operation,
        body: { ...part, ...returned },
      }),
    );
  const whole = (body: fc.Arbitrary<object>) =>
    body.map((part): WriteRequest => ({ operation: 'TransactWriteItems', body: { ...part } }));
  const repeated = fc
    .tuple(withToken(prefix), fc.nat(2))
    .map(([body, more]): readonly WriteRequest[] =>
      Array.from({ length: more + 1 }, () => ({ operation: 'TransactWriteItems', body })),
    );
  const mistake = fc.constantFrom<WriteRequest>(
    { operation: 'PutItem', body: { TableName: `${prefix}nowhere`, Item: { pk: { S: 'a' }, sk } } },
    { operation: 'PutItem', body: { TableName: prefix + textTable, Item: { pk: { S: '' }, sk } } },
    { operation: 'PutItem', body: { TableName: prefix + textTable, Item: { sk } } },
    { operation: 'CreateTable', body: tableOf(prefix + textTable) },
    { operation: 'CreateTable', body: tableOf(`${prefix}more`) },
  );
  const one = fc.oneof(
    { weight: 4, arbitrary: single('PutItem', put(prefix), 'ALL_OLD') },
    { weight: 4, arbitrary: single('UpdateItem', change(prefix), 'ALL_OLD', 'ALL_NEW') },
    { weight: 2, arbitrary: single('DeleteItem', remove(prefix), 'ALL_OLD') },
    { weight: 4, arbitrary: whole(transaction(prefix)) },
    { weight: 1, arbitrary: mistake },
  );
  return fc
    .array(
      fc.oneof(
        { weight: 6, arbitrary: one.map((each) => [each]) },
        { weight: 1, arbitrary: repeated },
      ),
      lengths,
    )
    .map((lists) => lists.flat());
};

/** The key attributes of `tablesOf`. */
export const keysOf = (prefix: string): Tables =>
  new Map([textTable, numberTable].map((table) => [prefix + table, ['pk', 'sk']]));

/**
 * The entries of a log that begins after the one given: of one write each, or of at most so many in turn, where `tables`
 * lets them go together.
 */
export const toLogEntries = (
  requests: readonly WriteRequest[],
  after: { readonly revision: number; readonly version: number },
  grouped: { readonly most: () => number; readonly tables: Tables } = {
    most: () => 1,
    tables: new Map(),
  },
): readonly LogEntry[] => {
  const entries: LogEntry[] = [];
  let { revision, version } = after;
  const parts = requests.map(({ operation, body }) => {
    const writes: readonly Write[] = [createWrite(operation, body)];
    return { writes, bytes: encodeEntry(writes).length };
  });
  for (let from = 0; from < parts.length; ) {
    const next = parts.slice(from, from + grouped.most());
    const together = next.slice(0, countTogether(next, grouped.tables));
    const writes = together.flatMap((part) => part.writes);
    revision += 1;
    version += 1;
    entries.push({ revision, version, writes, bytes: encodeEntry(writes).length });
    from += together.length;
  }
  return entries;
};
