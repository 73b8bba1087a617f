import { describe, expect, it } from '@jest/globals';
import { checkRequest, checkWrite } from '../../../local/replica/checks.ts';
import { errorName, type Wire, type WireReply } from '../../../local/replica/wire.ts';

const nameOf = (reply: WireReply | undefined): string | undefined => reply && errorName(reply);
const put = { TableName: 'vault', Item: { pk: { S: 'a' } } };

describe('what every request must not do', () => {
  it.each<[string, Wire]>([
    ['a write', put],
    ['a transaction', { TransactItems: [{ Put: put }, { Delete: put }] }],
    ['a batch', { RequestItems: { vault: { Keys: [{ pk: { S: 'a' } }] } } }],
    ['nothing', {}],
    ['values that are not ASCII', { ...put, Item: { é: { S: 'ü' } } }],
    [
      'a name that is not ASCII behind a placeholder',
      { ...put, ConditionExpression: '#a = :a', ExpressionAttributeNames: { '#a': 'é' } },
    ],
    ['a table that is named alike', { TableName: 'my_replica' }],
    ['what is malformed', { TransactItems: 7, RequestItems: [], TableName: {} }],
    ['what is malformed within', { TransactItems: [7, null, { Put: 7 }], RequestItems: { a: 7 } }],
  ])('lets %s pass', (_, body) => {
    expect(checkRequest(body)).toBeUndefined();
  });

  it.each<[string, Wire]>([
    ['by its name', { TableName: '_replica' }],
    ['by its ARN', { TableName: 'arn:aws:dynamodb:us-east-1:000000000000:table/_replica' }],
    ['in a transaction', { TransactItems: [{ Put: put }, { Get: { TableName: '_replica' } }] }],
    ['beside an action', { TransactItems: [{ Put: put, Get: { TableName: '_replica' } }] }],
    ['in a batch', { RequestItems: { vault: {}, _replica: {} } }],
    [
      'in a batch that names another one within',
      { RequestItems: { _replica: { TableName: 'vault' } } },
    ],
    ['in a batch that is malformed', { RequestItems: { _replica: 7 } }],
  ])("hides the replica's table: %s", (_, body) => {
    expect(nameOf(checkRequest(body))).toBe('ResourceNotFoundException');
  });

  it.each([
    'ConditionExpression',
    'FilterExpression',
    'KeyConditionExpression',
    'ProjectionExpression',
    'UpdateExpression',
  ])('refuses a %s that is not ASCII, wherever it stands', (name) => {
    const unsafe = { ...put, [name]: 'a = é' };
    for (const body of [
      unsafe,
      { TransactItems: [{ Put: put }, { Update: unsafe }] },
      { RequestItems: { vault: unsafe } },
    ]) {
      expect(nameOf(checkRequest(body))).toBe('ValidationException');
    }
    expect(checkRequest({ ...put, [name]: 'a = \u007f' })).toBeUndefined();
    expect(nameOf(checkRequest({ ...put, [name]: 'a = \u0080' }))).toBe('ValidationException');
  });

  it.each(['ExpressionAttributeNames', 'ExpressionAttributeValues'])(
    'refuses a placeholder of %s that is not ASCII',
    (name) => {
      expect(nameOf(checkRequest({ ...put, [name]: { '#a': 'x', '#é': 'x' } }))).toBe(
        'ValidationException',
      );
    },
  );

  it.each([
    'AttributesToGet',
    'AttributeUpdates',
    'ConditionalOperator',
    'Expected',
    'KeyConditions',
    'QueryFilter',
    'ScanFilter',
  ])('refuses the legacy parameter %s, be it empty', (name) => {
    expect(checkRequest({ ...put, [name]: null })?.body['message']).toContain(name);
    expect(nameOf(checkRequest({ TransactItems: [{ Put: { ...put, [name]: {} } }] }))).toBe(
      'ValidationException',
    );
  });
});

describe('what a write must not do', () => {
  const actions = (count: number) => ({
    TransactItems: Array.from({ length: count }, () => ({ Put: put })),
  });

  it('takes 1 to 98 actions in a transaction', () => {
    const named = [0, 1, 98, 99].map((count) =>
      nameOf(checkWrite('TransactWriteItems', actions(count))),
    );
    expect(named).toEqual(['ValidationException', undefined, undefined, 'ValidationException']);
  });

  it.each<[Wire]>([
    [{}],
    [{ TransactItems: {} }],
    [{ TransactItems: [null] }],
    [{ TransactItems: [{}] }],
    [{ TransactItems: [{ Put: 7 }] }],
    [{ TransactItems: [{ Put: put, Delete: put }] }],
    [{ ...actions(1), ClientRequestToken: '' }],
    [{ ...actions(1), ClientRequestToken: 'x'.repeat(37) }],
    [{ ...actions(1), ClientRequestToken: 7 }],
  ])('refuses the transaction %j', (body) => {
    expect(nameOf(checkWrite('TransactWriteItems', body))).toBe('ValidationException');
  });

  it('takes a token of 36 characters', () => {
    const body = { ...actions(1), ClientRequestToken: 'x'.repeat(36) };
    expect(checkWrite('TransactWriteItems', body)).toBeUndefined();
  });

  it('returns what it can tell when a batch has been applied, and no more', () => {
    const update = { ...put, UpdateExpression: 'REMOVE n' };
    const served = (['PutItem', 'DeleteItem', 'UpdateItem', 'TransactWriteItems'] as const).map(
      (operation) =>
        ['NONE', 'ALL_OLD', 'ALL_NEW', 'UPDATED_OLD', 'UPDATED_NEW', 7].filter(
          (ReturnValues) =>
            checkWrite(operation, { ...update, ...actions(1), ReturnValues }) === undefined,
        ),
    );
    expect(served).toEqual([
      ['NONE', 'ALL_OLD'],
      ['NONE', 'ALL_OLD'],
      ['NONE', 'ALL_OLD', 'ALL_NEW'],
      [],
    ]);
  });

  it('asks for a capacity or for metrics that there are', () => {
    for (const [name, good] of [
      ['ReturnConsumedCapacity', 'TOTAL'],
      ['ReturnItemCollectionMetrics', 'SIZE'],
    ] as const) {
      expect(checkWrite('PutItem', { ...put, [name]: good })).toBeUndefined();
      expect(nameOf(checkWrite('PutItem', { ...put, [name]: 'SOME' }))).toBe('ValidationException');
    }
  });

  it('has an expression if it is an update', () => {
    expect(nameOf(checkWrite('UpdateItem', put))).toBe('ValidationException');
    expect(checkWrite('PutItem', put)).toBeUndefined();
  });

  it.each(['_tables', '_REPLICA', 'sqlite_master', 'SQLite_x'])(
    'makes no table %s',
    (TableName) => {
      expect(nameOf(checkWrite('CreateTable', { TableName }))).toBe('ValidationException');
    },
  );
  it.each(['vault', 'my_tables', 'sqlite'])('makes a table %s', (TableName) => {
    expect(checkWrite('CreateTable', { TableName })).toBeUndefined();
  });

  it('makes no two indexes whose names differ in case alone', () => {
    const indexes = (...names: readonly string[]) => ({
      TableName: 'vault',
      GlobalSecondaryIndexes: names.map((IndexName) => ({ IndexName })),
      LocalSecondaryIndexes: [{ IndexName: 'third' }],
    });
    expect(checkWrite('CreateTable', indexes('first', 'second'))).toBeUndefined();
    for (const other of ['FIRST', 'Third']) {
      expect(nameOf(checkWrite('CreateTable', indexes('first', other)))).toBe(
        'ValidationException',
      );
    }
    // This the store refuses itself.
    expect(checkWrite('CreateTable', indexes('first', 'first'))).toBeUndefined();
  });
});
