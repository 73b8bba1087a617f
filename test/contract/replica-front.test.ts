/** What a front promises beyond the store's own answers: tokens, its own table, what it refuses, what it cannot know. */
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import {
  BatchGetItemCommand,
  CreateTableCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  GetItemCommand,
  IdempotentParameterMismatchException,
  ListTablesCommand,
  PutItemCommand,
  QueryCommand,
  ResourceInUseException,
  ScanCommand,
  TransactGetItemsCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { errorName, type WireReply } from '../../local/replica/wire.ts';
import { exchange } from '../support/raw-http.ts';
import { keyOf, startReplica, type TestReplica, tableOf } from '../support/replica.ts';
import { countAnswered } from '../support/sockets.ts';
import { until } from '../support/until.ts';

jest.setTimeout(30_000);

let through: TestReplica;
const TableName = 'vault';
const appended = () => through.log.entries().length;
const call = (operation: string, body: object): Promise<WireReply> =>
  through.front.call(operation, body);
const get = async (pk: string) => {
  const { body } = await call('GetItem', { TableName, Key: keyOf(pk) });
  return body['Item'];
};
const put = (pk: string, more: object = {}) => ({ TableName, Item: { ...keyOf(pk), ...more } });
const add = (pk: string, token?: string, by = '1') => ({
  TransactItems: [
    {
      Update: {
        TableName,
        Key: keyOf(pk),
        UpdateExpression: 'ADD n :by',
        ExpressionAttributeValues: { ':by': { N: by } },
      },
    },
  ],
  ...(token !== undefined && { ClientRequestToken: token }),
});

beforeEach(async () => {
  through = await startReplica();
  await call('CreateTable', tableOf(TableName));
});
afterEach(() => through.close());

describe('a front', () => {
  it('ends a connection on which a hundred requests wait', async () => {
    const request = 'GET /status HTTP/1.1\r\nHost: v\r\n\r\n';
    expect(await countAnswered(through.endpoint, request)).toBeLessThan(100);
  });

  it('is a DynamoDB to the SDK, in every operation', async () => {
    const { client } = through;
    const Item = { ...keyOf('a'), n: { N: '1' }, b: { B: new Uint8Array([1, 2, 255]) } };
    const Key = keyOf('a');
    const Key2 = keyOf('b');
    await client.send(new PutItemCommand({ TableName, Item }));
    const got = await client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
    expect(got.Item).toEqual(Item);
    const updated = await client.send(
      new UpdateItemCommand({
        TableName,
        Key,
        UpdateExpression: 'SET n = n + :one REMOVE b',
        ExpressionAttributeValues: { ':one': { N: '1' } },
        ReturnValues: 'ALL_NEW',
      }),
    );
    expect(updated.Attributes).toEqual({ ...Key, n: { N: '2' } });
    await client.send(
      new TransactWriteItemsCommand({
        TransactItems: [
          { Put: { TableName, Item: Key2 } },
          {
            ConditionCheck: { TableName, Key, ConditionExpression: 'attribute_exists(pk)' },
          },
        ],
      }),
    );
    const gets = [Key, Key2].map((one) => ({ Get: { TableName, Key: one } }));
    const both = await client.send(new TransactGetItemsCommand({ TransactItems: gets }));
    expect(both.Responses?.map((one) => one.Item?.['pk']?.S)).toEqual(['a', 'b']);
    const batch = await client.send(
      new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys: [Key, Key2] } } }),
    );
    expect(batch.Responses?.[TableName]).toHaveLength(2);
    const queried = await client.send(
      new QueryCommand({
        TableName,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': { S: 'a' } },
      }),
    );
    expect(queried.Items).toEqual([updated.Attributes]);
    await client.send(new DeleteItemCommand({ TableName, Key: Key2 }));
    const scanned = await client.send(new ScanCommand({ TableName }));
    expect(scanned.Items).toEqual([updated.Attributes]);
    const described = await client.send(new DescribeTableCommand({ TableName }));
    expect(described.Table?.TableStatus).toBe('ACTIVE');
  });

  it('gives the SDK the reasons of a cancelled transaction, with the item', async () => {
    await call('PutItem', put('a', { n: { N: '1' } }));
    const error: unknown = await through.client
      .send(
        new TransactWriteItemsCommand({
          TransactItems: [
            { Put: { TableName, Item: keyOf('b') } },
            {
              Put: {
                TableName,
                Item: keyOf('a'),
                ConditionExpression: 'attribute_not_exists(pk)',
                ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
              },
            },
          ],
        }),
      )
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(TransactionCanceledException);
    expect(error).toMatchObject({
      CancellationReasons: [
        { Code: 'None' },
        { Code: 'ConditionalCheckFailed', Item: { ...keyOf('a'), n: { N: '1' } } },
      ],
    });
    expect(await get('b')).toBeUndefined();
  });

  it('makes a table once', async () => {
    const input = tableOf('another') as ConstructorParameters<typeof CreateTableCommand>[0];
    const { TableDescription: made } = await through.client.send(new CreateTableCommand(input));
    expect(made?.TableStatus).toBe('ACTIVE');
    await expect(through.client.send(new CreateTableCommand(input))).rejects.toThrow(
      ResourceInUseException,
    );
  });

  it('answers a read with every write that was acknowledged before', async () => {
    for (let n = 1; n <= 20; n += 1) {
      await call('PutItem', put('a', { n: { N: String(n) } }));
      expect(await get('a')).toMatchObject({ n: { N: String(n) } });
    }
  });

  it('lets a read wait for its own revision, not for the next that is applied', async () => {
    const { revision } = through.replica.position();
    let isApplied = false;
    const applied = through.replica.untilApplied(revision + 2).then(() => {
      isApplied = true;
    });
    await call('PutItem', put('a'));
    expect(through.replica.position().revision).toBe(revision + 1);
    expect(isApplied).toBe(false);
    await call('PutItem', put('b'));
    await applied;
  });

  it('answers writes that come at once each with its own outcome', async () => {
    const isNew = { ConditionExpression: 'attribute_not_exists(pk)' };
    const replies = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        call('PutItem', { ...put(`k${index % 10}`), ...isNew }),
      ),
    );
    const winners = replies.filter(({ status }) => status === 200);
    expect(winners).toHaveLength(10);
    expect(replies.filter(({ status }) => status === 400)).toHaveLength(30);
  });

  it('is not there on any address but loopback', async () => {
    const { port } = (await through.client.config.endpoint?.()) ?? {};
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    for (const { address, internal } of addresses.filter(({ family }) => family === 'IPv4')) {
      const socket = connect({ host: address, port: Number(port) });
      const isThere = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      });
      socket.destroy();
      expect(isThere).toBe(internal);
    }
  });

  it.each([
    ['with an origin', { Origin: 'https://a.example' }],
    ['with the origin of a page without one', { Origin: 'null' }],
    ['for a name that leads to this machine', { Host: 'a.example:80' }],
    ['for the name of this machine', { Host: 'localhost' }],
  ])('refuses what a web page sends: a request %s', async (_, page) => {
    const before = appended();
    const put = { 'X-Amz-Target': 'DynamoDB_20120810.PutItem' };
    const requests = [
      { method: 'POST', path: '/', headers: { ...put, ...page }, body: '{}' },
      { method: 'OPTIONS', path: '/', headers: page, body: undefined },
      { method: 'GET', path: '/status', headers: page, body: undefined },
    ];
    const url = await endpoint();
    for (const request of requests) {
      const { status, headers, text } = await exchange({ url, ...request });
      expect(status).toBe(400);
      expect(text).toContain('AccessDeniedException');
      expect([...headers.keys()].join()).not.toContain('access-control');
    }
    expect(appended()).toBe(before);
  });

  it('tells how it is', async () => {
    const reply = await fetch(new URL('/status', await endpoint()));
    expect(await reply.json()).toEqual({ node: 1 });
  });
});

const endpoint = async (): Promise<string> => {
  const { protocol, hostname, port } = (await through.client.config.endpoint?.()) ?? {};
  return `${protocol}//${hostname}:${port}`;
};

describe('a token', () => {
  it('lets a request have its effect once, and succeed as often as it comes', async () => {
    const replies = [
      await call('TransactWriteItems', add('a', 't')),
      await call('TransactWriteItems', add('a', 't')),
    ];
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    expect(await get('a')).toMatchObject({ n: { N: '1' } });
  });

  it('means the same request however its keys are ordered', async () => {
    const [action] = add('a').TransactItems;
    const reversed = Object.fromEntries(Object.entries(action?.Update ?? {}).reverse());
    await call('TransactWriteItems', add('a', 't'));
    const again = { ClientRequestToken: 't', TransactItems: [{ Update: reversed }] };
    expect(await call('TransactWriteItems', again)).toEqual({ status: 200, body: {} });
    expect(await get('a')).toMatchObject({ n: { N: '1' } });
  });

  it('is a mistake on another request, which has no effect', async () => {
    const { client } = through;
    await client.send(new TransactWriteItemsCommand(add('a', 't')));
    await expect(client.send(new TransactWriteItemsCommand(add('a', 't', '2')))).rejects.toThrow(
      IdempotentParameterMismatchException,
    );
    expect(await get('a')).toMatchObject({ n: { N: '1' } });
  });

  it('of a refused request is free: the request is evaluated anew', async () => {
    const guarded = {
      TransactItems: [
        {
          Update: {
            ...add('a').TransactItems[0]?.Update,
            ConditionExpression: 'attribute_exists(pk)',
          },
        },
      ],
      ClientRequestToken: 't',
    };
    expect((await call('TransactWriteItems', guarded)).status).toBe(400);
    await call('PutItem', put('a'));
    expect((await call('TransactWriteItems', guarded)).status).toBe(200);
    expect((await call('TransactWriteItems', guarded)).status).toBe(200);
    expect(await get('a')).toMatchObject({ n: { N: '1' } });
  });

  it('counts once among requests that come at once', async () => {
    const replies = await Promise.all(
      Array.from({ length: 10 }, () => call('TransactWriteItems', add('a', 't'))),
    );
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await get('a')).toMatchObject({ n: { N: '1' } });
  });

  it('means nothing on a single write, as on AWS', async () => {
    const bump = { ...add('a').TransactItems[0]?.Update, ClientRequestToken: 't' };
    await call('UpdateItem', bump);
    await call('UpdateItem', bump);
    expect(await get('a')).toMatchObject({ n: { N: '2' } });
  });
});

describe('the table of the replica', () => {
  it.each([
    ['PutItem', { TableName: '_replica', Item: keyOf('x') }],
    [
      'PutItem',
      { TableName: 'arn:aws:dynamodb:us-east-1:000000000000:table/_replica', Item: keyOf('x') },
    ],
    ['GetItem', { TableName: '_replica', Key: keyOf('x') }],
    ['Scan', { TableName: '_replica' }],
    ['DescribeTable', { TableName: '_replica' }],
    ['CreateTable', tableOf('_replica')],
    ['BatchGetItem', { RequestItems: { _replica: { Keys: [keyOf('POSITION')] } } }],
    [
      'BatchGetItem',
      { RequestItems: { _replica: { TableName: 'vault', Keys: [keyOf('POSITION')] } } },
    ],
    ['TransactGetItems', { TransactItems: [{ Get: { TableName: '_replica', Key: keyOf('x') } }] }],
    [
      'TransactWriteItems',
      {
        TransactItems: [
          { Put: put('a') },
          { Delete: { TableName: '_replica', Key: keyOf('POSITION') } },
        ],
      },
    ],
  ])('is not there for a %s (%#)', async (operation, body) => {
    const before = appended();
    expect(errorName(await call(operation, body))).toBe('ResourceNotFoundException');
    expect(appended()).toBe(before);
  });

  it('is not in the list of tables', async () => {
    const { TableNames: names } = await through.client.send(new ListTablesCommand({}));
    expect(names).toEqual(['vault']);
  });
});

describe('refused before the log', () => {
  const actions = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ Put: put(`k${index}`) }));
  it.each<[string, string, object]>([
    [
      'a condition that is not ASCII',
      'PutItem',
      { ...put('a'), ConditionExpression: 'attribute_exists(é)' },
    ],
    [
      'a placeholder that is not ASCII',
      'PutItem',
      {
        ...put('a'),
        ConditionExpression: 'a = :a',
        ExpressionAttributeValues: { ':é': { S: 'x' } },
      },
    ],
    [
      'a name placeholder that is not ASCII, in a transaction',
      'TransactWriteItems',
      { TransactItems: [{ Put: { ...put('a'), ExpressionAttributeNames: { '#é': 'x' } } }] },
    ],
    [
      'a filter that is not ASCII, in a read',
      'Scan',
      { TableName, FilterExpression: 'contains(a, é)' },
    ],
    ['an expected value', 'PutItem', { ...put('a'), Expected: { pk: { Exists: false } } }],
    ['updates of attributes', 'UpdateItem', { TableName, Key: keyOf('a'), AttributeUpdates: {} }],
    ['conditions on keys', 'Query', { TableName, KeyConditions: {} }],
    [
      'a list of attributes',
      'BatchGetItem',
      { RequestItems: { [TableName]: { Keys: [keyOf('a')], AttributesToGet: ['pk'] } } },
    ],
    ['an update without an expression', 'UpdateItem', { TableName, Key: keyOf('a') }],
    [
      'the new parts of an item',
      'UpdateItem',
      { TableName, Key: keyOf('a'), UpdateExpression: 'REMOVE n', ReturnValues: 'UPDATED_NEW' },
    ],
    ['99 actions', 'TransactWriteItems', { TransactItems: actions(99) }],
    [
      'an action of two kinds',
      'TransactWriteItems',
      { TransactItems: [{ Put: put('a'), Delete: { TableName, Key: keyOf('b') } }] },
    ],
    ['an action that is none', 'TransactWriteItems', { TransactItems: [{}] }],
    ['a table with a name of the store', 'CreateTable', tableOf('_tables')],
    ['a table with a name of SQLite', 'CreateTable', tableOf('SQLite_vault')],
    ['more than 6 MiB', 'PutItem', put('a', { b: { B: 'A'.repeat(6 * 1024 * 1024) } })],
    [
      'more than 6 MiB of reading',
      'GetItem',
      { TableName, Key: keyOf('A'.repeat(7 * 1024 * 1024)) },
    ],
  ])('is %s', async (_, operation, body) => {
    const before = appended();
    const reply = await call(operation, body);
    expect([reply.status, errorName(reply)]).toEqual([400, 'ValidationException']);
    expect(appended()).toBe(before);
  });

  it('is what is no operation, and what is no JSON object', async () => {
    expect(errorName(await call('DeleteTable', { TableName }))).toBe('UnknownOperationException');
    expect(errorName(await call('UpdateTimeToLive', { TableName }))).toBe(
      'UnknownOperationException',
    );
    const texts = ['', '[]', '7', '{"TableName":'];
    const replies = await Promise.all(texts.map((text) => through.front.send('PutItem', text)));
    expect(replies.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
    expect(replies.every(({ text }) => text.includes('SerializationException'))).toBe(true);
  });

  it('98 actions are not', async () => {
    const reply = await call('TransactWriteItems', {
      TransactItems: actions(98),
      ClientRequestToken: 't',
    });
    expect(reply.status).toBe(200);
  });

  it('names of tables that differ in case alone are one name, for good', async () => {
    expect(errorName(await call('CreateTable', tableOf('VAULT')))).toBe('ResourceInUseException');
    await call('PutItem', put('a'));
    expect(await get('a')).toEqual(keyOf('a'));
  });
});

describe('the capacity of a write', () => {
  it('is that of the table of the client, not of the replica', async () => {
    const asked = { ReturnConsumedCapacity: 'TOTAL' };
    const single = await call('PutItem', {
      ...put('a', { s: { S: 'x'.repeat(1_500) } }),
      ...asked,
    });
    expect(single.body['ConsumedCapacity']).toEqual({ TableName, CapacityUnits: 2 });
    const whole = await call('TransactWriteItems', { ...add('b'), ...asked });
    expect(whole.body['ConsumedCapacity']).toEqual([{ TableName, CapacityUnits: 2 }]);
    expect((await call('PutItem', put('a'))).body).toEqual({});
  });
});

describe('without the log', () => {
  it('a write that may be there is unclear, and has its effect if it is', async () => {
    through.log.fail('late');
    const reply = await call('PutItem', put('a'));
    expect([reply.status, errorName(reply)]).toEqual([500, 'InternalServerError']);
    expect(await get('a')).toBeUndefined();
    through.log.bringLate();
    await until(async () => (await get('a')) !== undefined);
  });

  it('a write whose reply is lost is answered by its outcome', async () => {
    through.log.fail('lost');
    expect(await call('PutItem', put('a'))).toEqual({ status: 200, body: {} });
  });

  it('a write that never comes is unclear, within the time of a call', async () => {
    through.log.fail('never');
    const began = performance.now();
    expect((await call('PutItem', put('a'))).status).toBe(500);
    expect(performance.now() - began).toBeLessThan(2_500);
  });

  it('a write that a busy log does not take was surely not made', async () => {
    through.log.fail('busy');
    const reply = await call('PutItem', put('a'));
    expect([reply.status, errorName(reply)]).toEqual([503, 'ServiceUnavailable']);
  });

  it('nothing is read without a majority, and again with one', async () => {
    await call('PutItem', put('a'));
    through.log.setMajority(false);
    const reply = await call('GetItem', { TableName, Key: keyOf('a') });
    expect([reply.status, errorName(reply)]).toEqual([503, 'ServiceUnavailable']);
    through.log.setMajority(true);
    expect(await get('a')).toEqual(keyOf('a'));
  });

  it('a node that does not serve says why, and appends nothing', async () => {
    const before = appended();
    through.refuse('this node is joining');
    for (const reply of [await call('PutItem', put('a')), await call('Scan', { TableName })]) {
      expect(reply).toMatchObject({ status: 503, body: { message: 'this node is joining' } });
    }
    expect(appended()).toBe(before);
  });
});
