/** The front behind HTTP, for the AWS client and against everybody else. etcd is in memory. */
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import {
  BatchGetItemCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  TransactGetItemsCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createFront, type Front } from '../../local/etcd/front.ts';
import { type HttpFront, startHttpFront } from '../../local/etcd/http-front.ts';
import { tableOf } from '../support/front-tables.ts';
import { createMemoryEtcd } from '../support/memory-etcd.ts';
import { exchange } from '../support/raw-http.ts';
import { countAnswered } from '../support/sockets.ts';

const etcd = createMemoryEtcd();
const front = createFront({ client: etcd, onGoneBack: () => undefined });
let served: HttpFront;
let client: DynamoDBClient;
let TableName: string;
let tableCount = 0;

const keyOf = (pk: string) => ({ pk: { S: pk }, sk: { S: '-' } });

const post = (operation: string, body: string, headers: Record<string, string> = {}) =>
  exchange({
    url: served.endpoint,
    method: 'POST',
    path: '/',
    headers: { 'X-Amz-Target': `DynamoDB_20120810.${operation}`, ...headers },
    body,
  });

beforeAll(async () => {
  served = await startHttpFront({
    front,
    status: () => ({ revision: 7, isLeader: true }),
  });
  client = new DynamoDBClient({
    endpoint: served.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    maxAttempts: 1,
  });
});
afterAll(async () => {
  client.destroy();
  await served.close();
});
beforeEach(async () => {
  tableCount += 1;
  TableName = `vault-${tableCount}`;
  await front('CreateTable', tableOf(TableName));
});

describe('the front behind HTTP', () => {
  it('serves every operation of the vault to the AWS client', async () => {
    const Item = { ...keyOf('a'), n: { N: '1' }, b: { B: new Uint8Array([1, 2, 255]) } };
    const Key = keyOf('a');
    const Key2 = keyOf('b');
    await client.send(new PutItemCommand({ TableName, Item }));
    const got = await client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
    expect(got.Item).toEqual(Item);
    const check = { TableName, Key, ConditionExpression: 'attribute_not_exists(other)' };
    await client.send(
      new TransactWriteItemsCommand({
        TransactItems: [{ Put: { TableName, Item: Key2 } }, { ConditionCheck: check }],
      }),
    );
    const gets = [Key, Key2].map((one) => ({ Get: { TableName, Key: one } }));
    const both = await client.send(new TransactGetItemsCommand({ TransactItems: gets }));
    expect(both.Responses?.map((one) => one.Item?.['pk']?.S)).toEqual(['a', 'b']);
    const batch = await client.send(
      new BatchGetItemCommand({
        RequestItems: {
          [TableName]: {
            Keys: [Key2, Key, keyOf('missing')],
            ConsistentRead: true,
            ProjectionExpression: 'pk, #n',
            ExpressionAttributeNames: { '#n': 'n' },
          },
        },
      }),
    );
    expect(batch.Responses).toEqual({
      [TableName]: [{ pk: { S: 'b' } }, { pk: { S: 'a' }, n: { N: '1' } }],
    });
    expect(batch.UnprocessedKeys).toEqual({});
    const queried = await client.send(
      new QueryCommand({
        TableName,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': { S: 'a' } },
      }),
    );
    expect(queried.Items).toEqual([Item]);
    await client.send(new DeleteItemCommand({ TableName, Key: Key2 }));
    const scanned = await client.send(new ScanCommand({ TableName }));
    expect(scanned.Items).toEqual([Item]);
    const described = await client.send(new DescribeTableCommand({ TableName }));
    expect(described.Table?.TableStatus).toBe('ACTIVE');
  });

  it('gives the AWS client the reasons of a cancelled transaction, with the stored item', async () => {
    const existing = { ...keyOf('a'), n: { N: '1' } };
    await front('PutItem', { TableName, Item: existing });
    const put = {
      TableName,
      Item: keyOf('a'),
      ConditionExpression: 'attribute_not_exists(pk)',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
    };
    const TransactItems = [{ Put: { TableName, Item: keyOf('b') } }, { Put: put }];
    const error: unknown = await client
      .send(new TransactWriteItemsCommand({ TransactItems }))
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(TransactionCanceledException);
    expect(error).toMatchObject({
      CancellationReasons: [{ Code: 'None' }, { Code: 'ConditionalCheckFailed', Item: existing }],
    });
    const { Item } = await client.send(new GetItemCommand({ TableName, Key: keyOf('b') }));
    expect(Item).toBeUndefined();
  });

  it('listens on loopback only', async () => {
    const { port } = new URL(served.endpoint);
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
    ['an origin', { Origin: 'https://a.example' }],
    ['the origin null', { Origin: 'null' }],
    ['a host name that leads to this machine', { Host: 'a.example:80' }],
    ['the host name localhost', { Host: 'localhost' }],
  ])('refuses every request with %s', async (_, page) => {
    const before = etcd.calls.length;
    const put = JSON.stringify({ TableName, Item: keyOf('a') });
    const url = served.endpoint;
    const replies = [
      await post('PutItem', put, page),
      await exchange({ url, method: 'OPTIONS', path: '/', headers: page, body: undefined }),
      await exchange({ url, method: 'GET', path: '/status', headers: page, body: undefined }),
    ];
    for (const { status, headers, text } of replies) {
      expect(status).toBe(400);
      expect(text).toContain('AccessDeniedException');
      expect([...headers.keys()].join()).not.toContain('access-control');
    }
    expect(etcd.calls.length).toBe(before);
  });

  it('answers GET /status with the object that it is given', async () => {
    const reply = await fetch(new URL('/status', served.endpoint));
    expect(reply.status).toBe(200);
    expect(await reply.json()).toEqual({ revision: 7, isLeader: true });
  });

  it.each(['PutItem', 'GetItem'])(
    'refuses a %s of more than 6 MiB with a ValidationException',
    async (operation) => {
      const before = etcd.calls.length;
      const large = keyOf('A'.repeat(6 * 1_048_576));
      const reply = await post(operation, JSON.stringify({ TableName, Item: large, Key: large }));
      expect(reply.status).toBe(400);
      expect(JSON.parse(reply.text).__type).toContain('ValidationException');
      expect(etcd.calls.length).toBe(before);
    },
  );

  it.each(['', '[]', '7', 'null', '{"TableName":'])(
    'refuses the body %p, which is no JSON object, with a SerializationException',
    async (body) => {
      const reply = await post('PutItem', body);
      expect(reply.status).toBe(400);
      expect(JSON.parse(reply.text).__type).toContain('SerializationException');
    },
  );

  it('refuses an operation of another service with an UnknownOperationException', async () => {
    const reply = await post('', '{}', { 'X-Amz-Target': 'DynamoDB_20111205.GetItem' });
    expect(JSON.parse(reply.text).__type).toContain('UnknownOperationException');
  });

  it('ends a connection on which a hundred requests wait', async () => {
    const request = 'GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
    expect(await countAnswered(served.endpoint, request)).toBeLessThan(100);
  });

  it('answers 500 when the front fails, as a write may have had its effect', async () => {
    const broken: Front = () => Promise.reject(new Error('a bug'));
    const failing = await startHttpFront({ front: broken, status: () => ({}) });
    try {
      const request = { method: 'POST', path: '/', headers: {}, body: '{}' };
      const reply = await exchange({ url: failing.endpoint, ...request });
      expect(reply.status).toBe(500);
      expect(reply.text).toContain('InternalServerError');
      expect(reply.text).not.toContain('a bug');
    } finally {
      await failing.close();
    }
  });
});
