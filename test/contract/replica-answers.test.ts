/** The same requests to a front and to a store with nothing in front of it: the same answers, word by word. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { errorName, type WireReply } from '../../local/replica/wire.ts';
import {
  keyOf,
  startBareStore,
  startReplica,
  type TestReplica,
  tableOf,
} from '../support/replica.ts';

jest.setTimeout(30_000);

let through: TestReplica;
let bare: Awaited<ReturnType<typeof startBareStore>>;

beforeAll(async () => {
  [through, bare] = await Promise.all([startReplica(), startBareStore()]);
  for (const table of [tableOf('vault'), tableOf('numbers', 'N'), tableOf('bytes', 'B')]) {
    await both('CreateTable', table);
  }
});
afterAll(async () => {
  await through.close();
  await bare.close();
});

/** What a store makes up for itself is not compared. */
const madeUp = new Set([
  'TableId',
  'CreationDateTime',
  'TableArn',
  'IndexArn',
  'TableSizeBytes',
  'LatestStreamArn',
  'LatestStreamLabel',
]);
const comparable = ({ status, body }: WireReply): object => ({
  status,
  body: JSON.parse(
    JSON.stringify(
      // Some clients read only the one, some only the other; the store leaves one out at times.
      { ...body, ...(body['Message'] !== undefined && { message: body['Message'] }) },
      (name, value: unknown) => (madeUp.has(name) ? undefined : value),
    ),
  ),
});
/** For mistakes that the front finds first, or the store in a transaction: the sentence is another one. */
const kindOf = (reply: WireReply): object => ({ status: reply.status, error: errorName(reply) });

const both = async (operation: string, body: object) => {
  const [replied, expected] = await Promise.all([
    through.front.call(operation, body),
    bare.client.call(operation, body),
  ]);
  return { replied, expected };
};

type Request = readonly [what: string, operation: string, body: object];

const vault = 'vault';
const item = (pk: string, more: object = {}) => ({ ...keyOf(pk), ...more });
const put = (pk: string, more: object = {}, parameters: object = {}) => ({
  TableName: vault,
  Item: item(pk, more),
  ...parameters,
});
const update = (pk: string, UpdateExpression: string, parameters: object = {}) => ({
  TableName: vault,
  Key: keyOf(pk),
  UpdateExpression,
  ...parameters,
});
const remove = (pk: string, parameters: object = {}) => ({
  TableName: vault,
  Key: keyOf(pk),
  ...parameters,
});
const isNew = { ConditionExpression: 'attribute_not_exists(pk)' };
const isThere = { ConditionExpression: 'attribute_exists(pk)' };
const old = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' };
const values = (map: Record<string, object>) => ({ ExpressionAttributeValues: map });
const transaction = (...actions: readonly object[]) => ({ TransactItems: actions });
const nested = (levels: number): object =>
  levels === 0 ? { S: 'x' } : { L: [nested(levels - 1)] };

const writes: readonly Request[] = [
  ['a put', 'PutItem', put('a', { n: { N: '1' }, s: { S: 'é' } })],
  ['a put over it', 'PutItem', put('a', { n: { N: '2' } })],
  ['a put that returns the old item', 'PutItem', put('a', {}, { ReturnValues: 'ALL_OLD' })],
  [
    'a put of a new item that returns the old',
    'PutItem',
    put('b', {}, { ReturnValues: 'ALL_OLD' }),
  ],
  ['a put whose condition holds', 'PutItem', put('c', { n: { N: '1' } }, isNew)],
  ['a put whose condition fails', 'PutItem', put('c', {}, isNew)],
  ['the same with the item', 'PutItem', put('c', {}, { ...isNew, ...old })],
  ['an update', 'UpdateItem', update('c', 'SET n = :n', values({ ':n': { N: '5' } }))],
  [
    'an update that returns the new item',
    'UpdateItem',
    update('c', 'ADD n :n', { ...values({ ':n': { N: '5' } }), ReturnValues: 'ALL_NEW' }),
  ],
  [
    'an update that returns the old item',
    'UpdateItem',
    update('c', 'ADD n :n', { ...values({ ':n': { N: '5' } }), ReturnValues: 'ALL_OLD' }),
  ],
  [
    'an update that makes an item and returns it',
    'UpdateItem',
    update('d', 'SET n = :n', { ...values({ ':n': { N: '5' } }), ReturnValues: 'ALL_NEW' }),
  ],
  [
    'an update whose condition fails, with the item',
    'UpdateItem',
    update('c', 'SET n = :n', { ...values({ ':n': { N: '0' } }), ...isNew, ...old }),
  ],
  [
    'an update whose condition fails on no item',
    'UpdateItem',
    update('none', 'SET n = :n', { ...values({ ':n': { N: '0' } }), ...isThere, ...old }),
  ],
  ['an update that reads what is not there', 'UpdateItem', update('c', 'SET x = zz')],
  ['an update of a key', 'UpdateItem', update('c', 'SET pk = :n', values({ ':n': { S: 'x' } }))],
  [
    'an update by names',
    'UpdateItem',
    update('c', 'SET #n = :n', {
      ...values({ ':n': { S: 'ü' } }),
      ExpressionAttributeNames: { '#n': 'ö' },
    }),
  ],
  ['a value that is not used', 'UpdateItem', update('c', 'REMOVE n', values({ ':n': { N: '1' } }))],
  ['a value of no type', 'PutItem', put('c', { n: { X: '1' } })],
  ['a number that is none', 'PutItem', put('c', { n: { N: 'one' } })],
  ['a number of 39 digits', 'PutItem', put('c', { n: { N: '1'.repeat(39) } })],
  ['an item of more than 400 KB', 'PutItem', put('c', { n: { S: 'x'.repeat(410_000) } })],
  ['an item nested 40 deep', 'PutItem', put('c', { n: nested(40) })],
  ['half a character', 'PutItem', put('c', { n: { S: '\ud800' } })],
  ['an empty key', 'PutItem', put('')],
  ['a key of 3 kB', 'PutItem', put('k'.repeat(3_000))],
  [
    'a key of another type',
    'PutItem',
    { TableName: vault, Item: { pk: { N: '1' }, sk: { S: '-' } } },
  ],
  ['no key', 'PutItem', { TableName: vault, Item: { a: { S: 'x' } } }],
  ['half a key', 'UpdateItem', { ...update('c', 'REMOVE n'), Key: { pk: { S: 'c' } } }],
  ['a table name that is none', 'PutItem', { ...put('a'), TableName: 'a b' }],
  ['a table that is not there', 'PutItem', { ...put('a'), TableName: 'nowhere' }],
  [
    'a delete from a table that is not there',
    'DeleteItem',
    { ...remove('a'), TableName: 'nowhere' },
  ],
  ['a delete whose condition fails', 'DeleteItem', remove('c', { ...isNew, ...old })],
  ['a delete that returns the old item', 'DeleteItem', remove('c', { ReturnValues: 'ALL_OLD' })],
  ['a delete of nothing', 'DeleteItem', remove('c', { ReturnValues: 'ALL_OLD' })],
  ['a delete whose condition fails on nothing', 'DeleteItem', remove('c', { ...isThere, ...old })],
  [
    'a transaction',
    'TransactWriteItems',
    transaction(
      { Put: put('e', { n: { N: '1' } }, isNew) },
      { Update: update('f', 'SET n = :n', values({ ':n': { N: '1' } })) },
    ),
  ],
  [
    'a transaction refused for two of four reasons',
    'TransactWriteItems',
    transaction(
      { Put: put('e', {}, { ...isNew, ...old }) },
      { Put: put('g') },
      { ConditionCheck: { ...remove('g'), ...isThere, ...old } },
      { Delete: remove('f') },
    ),
  ],
  ['what it would have put', 'DeleteItem', remove('g', { ReturnValues: 'ALL_OLD' })],
  [
    'a transaction of one action that is refused',
    'TransactWriteItems',
    transaction({ Update: update('e', 'SET n = zz') }),
  ],
  [
    'a transaction with two actions on one item',
    'TransactWriteItems',
    transaction({ Put: put('h') }, { Delete: remove('h') }),
  ],
  [
    'a transaction on no table',
    'TransactWriteItems',
    transaction({ Put: { ...put('h'), TableName: 'nowhere' } }),
  ],
  [
    'a transaction with an empty key',
    'TransactWriteItems',
    transaction({ Put: put('h') }, { Put: put('') }),
  ],
  [
    'one number written in two ways',
    'TransactWriteItems',
    transaction(
      ...['1', '1.0'].map((n) => ({
        Put: { TableName: 'numbers', Item: { pk: { N: n }, sk: { S: '-' } } },
      })),
    ),
  ],
  ['a table that is there', 'CreateTable', tableOf(vault)],
  ['a table without keys', 'CreateTable', { TableName: 'other', BillingMode: 'PAY_PER_REQUEST' }],
  ['a table name of two letters', 'CreateTable', tableOf('ab')],
];

const mistakes: readonly Request[] = [
  ['a syntax error', 'UpdateItem', update('c', 'SET n = = :n', values({ ':n': { N: '1' } }))],
  ['a value that is not given', 'UpdateItem', update('c', 'SET n = :n')],
  ['a name that is not given', 'UpdateItem', update('c', 'REMOVE #n')],
  ['an empty set', 'PutItem', put('c', { n: { SS: [] } })],
  ['a set with one text twice', 'PutItem', put('c', { n: { SS: ['a', 'a'] } })],
  ['no item', 'PutItem', { TableName: vault }],
  ['no table name', 'PutItem', { Item: item('a') }],
  ['a put that would return the new item', 'PutItem', put('a', {}, { ReturnValues: 'ALL_NEW' })],
  [
    'a delete that would return the new item',
    'DeleteItem',
    remove('a', { ReturnValues: 'ALL_NEW' }),
  ],
  ['a put that would return nonsense', 'PutItem', put('a', {}, { ReturnValues: 'NONSENSE' })],
  ['a capacity that is none', 'PutItem', put('a', {}, { ReturnConsumedCapacity: 'SOME' })],
  ['a transaction of nothing', 'TransactWriteItems', transaction()],
  ['a transaction without actions', 'TransactWriteItems', {}],
  [
    'a token that is too long',
    'TransactWriteItems',
    { ...transaction({ Put: put('h') }), ClientRequestToken: 't'.repeat(37) },
  ],
];

const reads: readonly Request[] = [
  ['a get', 'GetItem', { TableName: vault, Key: keyOf('a'), ConsistentRead: true }],
  [
    'a get without a barrier',
    'GetItem',
    { TableName: vault, Key: keyOf('a'), ConsistentRead: false },
  ],
  ['a get of nothing', 'GetItem', { TableName: vault, Key: keyOf('none') }],
  ['a get with a bad key', 'GetItem', { TableName: vault, Key: { pk: { N: '1' } } }],
  ['a get from no table', 'GetItem', { TableName: 'nowhere', Key: keyOf('a') }],
  [
    'a query',
    'Query',
    { TableName: vault, KeyConditionExpression: 'pk = :pk', ...values({ ':pk': { S: 'a' } }) },
  ],
  ['a scan', 'Scan', { TableName: vault }],
  ['a page of a scan', 'Scan', { TableName: vault, Limit: 2 }],
  ['a batch', 'BatchGetItem', { RequestItems: { [vault]: { Keys: [keyOf('a'), keyOf('none')] } } }],
  [
    'a transaction of gets',
    'TransactGetItems',
    transaction(
      { Get: { TableName: vault, Key: keyOf('a') } },
      { Get: { TableName: vault, Key: keyOf('none') } },
    ),
  ],
  ['a description', 'DescribeTable', { TableName: vault }],
  ['a description of nothing', 'DescribeTable', { TableName: 'nowhere' }],
  ['the list of tables', 'ListTables', {}],
];

describe('a front answers as the store alone does', () => {
  it.each([...writes, ...reads])('to %s', async (_, operation, body) => {
    const { replied, expected } = await both(operation, body);
    expect(comparable(replied)).toEqual(comparable(expected));
  });
});

describe('a front refuses as the store alone does, in other words,', () => {
  it.each(mistakes)('%s', async (_, operation, body) => {
    const { replied, expected } = await both(operation, body);
    expect(replied.status).toBe(400);
    expect(kindOf(replied)).toEqual(kindOf(expected));
  });
});

describe('after all of these', () => {
  it('both hold the same items', async () => {
    for (const TableName of [vault, 'numbers', 'bytes']) {
      const { replied, expected } = await both('Scan', { TableName });
      expect(replied.body['Items']).toEqual(expected.body['Items']);
    }
  });

  it('the store had no trouble with what was put into the log', () => {
    expect(through.lines).toEqual([]);
    expect(through.outcomes.filter(({ reply }) => reply.status >= 500)).toEqual([]);
  });
});
