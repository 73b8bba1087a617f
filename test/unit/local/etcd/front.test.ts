import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { EtcdClient, Txn } from '../../../../local/etcd/client.ts';
import { createFront, type Front } from '../../../../local/etcd/front.ts';
import type { Json, Reply } from '../../../../local/etcd/protocol.ts';
import { createMemoryEtcd, type MemoryEtcd } from '../../../support/memory-etcd.ts';

const TableName = 'vault';
const table = (more: object = {}) => ({
  TableName,
  AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({
    AttributeName,
    AttributeType: 'S',
  })),
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'byOwner',
      KeySchema: [
        { AttributeName: 'owner', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
  ],
  ...more,
});
const keyOf = (pk: string, sk = 'a') => ({ pk: { S: pk }, sk: { S: sk } });
const put = (pk: string, more: object = {}, parameters: object = {}) => ({
  TableName,
  Item: { ...keyOf(pk), ...more },
  ...parameters,
});
const isNew = { ConditionExpression: 'attribute_not_exists(pk)' };

const frontOver = (etcd: EtcdClient, reports: string[] = []): Front =>
  createFront({
    client: etcd,
    timeToLiveAttribute: 'expiresAt',
    onGoneBack: (why) => reports.push(why),
  });
const nameOf = ({ body }: Reply): string => String(body['__type']).split('#').at(-1) ?? '';

let etcd: MemoryEtcd;
let front: Front;
beforeEach(async () => {
  etcd = createMemoryEtcd();
  front = frontOver(etcd);
  await front('CreateTable', table());
});

/** Items and entries, without the table. */
const stored = () => [...etcd.items().keys()].filter((key) => !key.startsWith('table/'));

describe('a front', () => {
  it.each(['UpdateItem', 'BatchWriteItem', 'DeleteTable', 'ExecuteStatement', 'constructor', ''])(
    'refuses the operation %j by name',
    async (operation) => {
      const reply = await front(operation, {});
      expect([reply.status, nameOf(reply)]).toEqual([400, 'UnknownOperationException']);
    },
  );

  it.each<[string, string, object, string]>([
    ['PutItem', 'an unknown parameter', put('p', {}, { Expected: {} }), 'Expected'],
    ['PutItem', 'values to return', put('p', {}, { ReturnValues: 'ALL_OLD' }), 'ReturnValues'],
    ['PutItem', 'no item', { TableName }, 'Item'],
    ['PutItem', 'a missing key attribute', { TableName, Item: { pk: { S: 'p' } } }, 'sk'],
    [
      'PutItem',
      'a key of another type',
      { TableName, Item: { pk: { N: '1' }, sk: { S: 'a' } } },
      'pk',
    ],
    ['PutItem', 'an empty key', put(''), 'pk must not be empty'],
    ['PutItem', 'a key with NUL', put('p\0q'), 'pk must not contain NUL'],
    ['PutItem', 'a key that is not well-formed', put('p\ud800'), 'S must be text'],
    ['PutItem', 'a key that is too long', put('p'.repeat(2_049)), '2048 bytes'],
    [
      'PutItem',
      'a range key that is too long',
      { TableName, Item: keyOf('p', 's'.repeat(1_025)) },
      '1024 bytes',
    ],
    [
      'PutItem',
      'an index key of another type',
      put('p', { owner: { N: '1' } }),
      'owner must be of type S',
    ],
    [
      'PutItem',
      'an index key with NUL',
      put('p', { owner: { S: 'o\0' } }),
      'owner must not contain NUL',
    ],
    ['PutItem', 'an item over 400 KB', put('p', { v: { S: 'x'.repeat(409_600) } }), 'Item size'],
    [
      'PutItem',
      'an unused placeholder',
      put('p', {}, { ...isNew, ExpressionAttributeValues: { ':v': { S: '' } } }),
      'unused',
    ],
    [
      'GetItem',
      'a key with more attributes',
      { TableName, Key: { ...keyOf('p'), x: { S: '' } } },
      'keys',
    ],
    ['GetItem', 'an index', { TableName, Key: keyOf('p'), IndexName: 'byOwner' }, 'IndexName'],
    [
      'Query',
      'no hash key',
      {
        TableName,
        KeyConditionExpression: 'sk = :v',
        ExpressionAttributeValues: { ':v': { S: 'a' } },
      },
      'condition',
    ],
    [
      'Query',
      'an OR',
      {
        TableName,
        KeyConditionExpression: 'pk = :v OR sk = :v',
        ExpressionAttributeValues: { ':v': { S: 'a' } },
      },
      'condition',
    ],
    [
      'Query',
      'two conditions on its hash key',
      {
        TableName,
        KeyConditionExpression: 'pk = :v AND pk = :v',
        ExpressionAttributeValues: { ':v': { S: 'a' } },
      },
      'condition',
    ],
    [
      'Query',
      'two conditions on its range key',
      {
        TableName,
        KeyConditionExpression: 'pk = :v AND sk > :v AND sk < :v',
        ExpressionAttributeValues: { ':v': { S: 'a' } },
      },
      'condition',
    ],
    [
      'Query',
      'a key condition of another type',
      {
        TableName,
        KeyConditionExpression: 'pk = :v',
        ExpressionAttributeValues: { ':v': { N: '1' } },
      },
      'type S',
    ],
    [
      'Query',
      'a start key with more attributes',
      {
        TableName,
        KeyConditionExpression: 'owner = :v',
        ExpressionAttributeValues: { ':v': { S: 'a' } },
        IndexName: 'byOwner',
        ExclusiveStartKey: { ...keyOf('p'), owner: { S: 'a' }, x: { S: '' } },
      },
      'starting key',
    ],
    [
      'Query',
      'an unknown index',
      {
        TableName,
        IndexName: 'none',
        KeyConditionExpression: 'pk = :v',
        ExpressionAttributeValues: { ':v': { S: 'a' } },
      },
      'index',
    ],
    [
      'Query',
      'a consistent read of an index',
      {
        TableName,
        IndexName: 'byOwner',
        ConsistentRead: true,
        KeyConditionExpression: 'owner = :v',
        ExpressionAttributeValues: { ':v': { S: 'a' } },
      },
      'Consistent reads',
    ],
    [
      'Query',
      'a start key behind its range',
      {
        TableName,
        KeyConditionExpression: 'pk = :v',
        ExpressionAttributeValues: { ':v': { S: 'a' } },
        ExclusiveStartKey: keyOf('b'),
      },
      'outside',
    ],
    [
      'Query',
      'a start key before its range',
      {
        TableName,
        KeyConditionExpression: 'pk = :v',
        ExpressionAttributeValues: { ':v': { S: 'b' } },
        ExclusiveStartKey: keyOf('a'),
      },
      'outside',
    ],
    [
      'Query',
      'a key with NUL',
      {
        TableName,
        IndexName: 'byOwner',
        KeyConditionExpression: 'owner = :v',
        ExpressionAttributeValues: { ':v': { S: 'o\0a' } },
      },
      'NUL',
    ],
    ['Scan', 'a segment', { TableName, Segment: 0, TotalSegments: 2 }, 'Segment'],
    ['TransactWriteItems', 'no action', { TransactItems: [] }, 'TransactItems'],
    [
      'TransactWriteItems',
      'an Update',
      { TransactItems: [{ Update: { TableName, Key: keyOf('p') } }] },
      'TransactItems',
    ],
    [
      'TransactWriteItems',
      'a check without a condition',
      { TransactItems: [{ ConditionCheck: { TableName, Key: keyOf('p') } }] },
      'ConditionExpression',
    ],
    [
      'TransactWriteItems',
      'two actions on one item',
      { TransactItems: [{ Put: put('p') }, { Delete: { TableName, Key: keyOf('p') } }] },
      'multiple operations',
    ],
    [
      'TransactWriteItems',
      '101 actions',
      { TransactItems: Array.from({ length: 101 }, (_, n) => ({ Put: put(`p${n}`) })) },
      '100 actions',
    ],
    [
      'TransactWriteItems',
      'more than 4 MB',
      {
        TransactItems: Array.from({ length: 11 }, (_, n) => ({
          Put: put(`p${n}`, { v: { S: 'x'.repeat(400_000) } }),
        })),
      },
      '4 MB',
    ],
    [
      'TransactGetItems',
      '101 items',
      {
        TransactItems: Array.from({ length: 101 }, (_, n) => ({
          Get: { TableName, Key: keyOf(`p${n}`) },
        })),
      },
      '100 actions',
    ],
    [
      'TransactGetItems',
      'one item twice',
      {
        TransactItems: [
          { Get: { TableName, Key: keyOf('p') } },
          { Get: { TableName, Key: keyOf('p') } },
        ],
      },
      'multiple operations',
    ],
    [
      'CreateTable',
      'a key of type N',
      table({
        TableName: 'other',
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'N' }],
      }),
      'of type S',
    ],
    [
      'CreateTable',
      'an index of whole items',
      table({
        TableName: 'other',
        GlobalSecondaryIndexes: [
          {
            IndexName: 'all',
            KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
            Projection: { ProjectionType: 'ALL' },
          },
        ],
      }),
      'ProjectionType',
    ],
    ['CreateTable', 'a name with other characters', table({ TableName: 'a/b' }), 'TableName'],
  ])('refuses a %s with %s, and sends nothing that writes', async (operation, _, body, said) => {
    const before = etcd.calls.length;
    const reply = await front(operation, body);
    expect([reply.status, nameOf(reply)]).toEqual([400, 'ValidationException']);
    expect(String(reply.body['message'])).toContain(said);
    expect(
      etcd.calls.slice(before).filter((call) => 'compare' in call && call.compare.length > 0),
    ).toEqual([]);
    expect(stored()).toEqual([]);
  });

  it.each(['PutItem', 'GetItem', 'Query', 'Scan', 'DescribeTable', 'TransactWriteItems'])(
    'answers a %s of a missing table with ResourceNotFoundException',
    async (operation) => {
      const bodies: Record<string, Json> = {
        PutItem: { ...put('p') },
        GetItem: { Key: keyOf('p') },
        Query: {
          KeyConditionExpression: 'pk = :v',
          ExpressionAttributeValues: { ':v': { S: 'p' } },
        },
      };
      const body = { ...bodies[operation], TableName: 'none' };
      const sent =
        operation === 'TransactWriteItems'
          ? { TransactItems: [{ Put: { ...put('p'), TableName: 'none' } }] }
          : body;
      expect(nameOf(await front(operation, sent))).toBe('ResourceNotFoundException');
    },
  );

  it('makes a table once, lists it, and describes it with its expiry', async () => {
    expect(nameOf(await front('CreateTable', table()))).toBe('ResourceInUseException');
    expect((await front('ListTables', {})).body).toEqual({ TableNames: [TableName] });
    const described = await front('DescribeTable', { TableName });
    expect(described.body['Table']).toMatchObject({ TableName, TableStatus: 'ACTIVE' });
    const expiry = await front('DescribeTimeToLive', { TableName });
    expect(expiry.body['TimeToLiveDescription']).toEqual({
      TimeToLiveStatus: 'ENABLED',
      AttributeName: 'expiresAt',
    });
  });

  it('changes the entries of an item together with it', async () => {
    await front('PutItem', put('p', { owner: { S: 'one' }, expiresAt: { N: '5' } }));
    expect(stored().map((key) => key.split('/')[0])).toEqual(['item', 'index', 'expiry']);
    const [{ success } = { success: [] }] = etcd.calls.slice(-1) as Txn[];
    expect(success).toHaveLength(3);
    await front('PutItem', put('p', { owner: { S: 'two' } }));
    expect(stored()).toEqual(['item/vault\0p\0a', 'index/vault\0byOwner\0two\0a\0p\0a']);
    await front('DeleteItem', { TableName, Key: keyOf('p') });
    expect(stored()).toEqual([]);
  });

  it('leaves no entry behind when an unconditional put meets an item that it had not seen', async () => {
    await frontOver(etcd)('PutItem', put('p', { owner: { S: 'one' } }));
    await front('PutItem', put('p', { owner: { S: 'two' } }));
    expect(stored()).toEqual(['item/vault\0p\0a', 'index/vault\0byOwner\0two\0a\0p\0a']);
  });

  // Shows G15.
  it('refuses by what is stored now, never by the copy that it saw last', async () => {
    await front('PutItem', put('p', { n: { N: '1' } }));
    await frontOver(etcd)('DeleteItem', { TableName, Key: keyOf('p') });
    expect((await front('PutItem', put('p', { n: { N: '2' } }, isNew))).status).toBe(200);
    await frontOver(etcd)('PutItem', put('p', { n: { N: '3' } }));
    const isThree = {
      ConditionExpression: 'n = :n',
      ExpressionAttributeValues: { ':n': { N: '3' } },
    };
    expect((await front('PutItem', put('p', { n: { N: '4' } }, isThree))).status).toBe(200);
  });

  it('refuses by what is stored now if only an older copy, or none, permits the write', async () => {
    const isOne = {
      ConditionExpression: 'n = :n',
      ExpressionAttributeValues: { ':n': { N: '1' } },
    };
    await front('PutItem', put('seen', { n: { N: '1' } }));
    await frontOver(etcd)('PutItem', put('seen', { n: { N: '2' } }));
    await frontOver(etcd)('PutItem', put('unseen', { n: { N: '2' } }));
    const replies = [
      await front('PutItem', put('seen', { n: { N: '3' } }, isOne)),
      await front('PutItem', put('unseen', { n: { N: '3' } }, isNew)),
    ];
    expect(replies.map(nameOf)).toEqual(Array(2).fill('ConditionalCheckFailedException'));
  });

  it('refuses a transaction if an item that it only checks has changed since it was seen', async () => {
    await front('PutItem', put('checked', { n: { N: '1' } }));
    await frontOver(etcd)('PutItem', put('checked', { n: { N: '2' } }));
    const ConditionCheck = {
      TableName,
      Key: keyOf('checked'),
      ConditionExpression: 'n = :n',
      ExpressionAttributeValues: { ':n': { N: '1' } },
    };
    const TransactItems = [{ Put: put('new') }, { ConditionCheck }];
    const reply = await front('TransactWriteItems', { TransactItems });
    expect(nameOf(reply)).toBe('TransactionCanceledException');
    expect(stored()).toEqual(['item/vault\0checked\0a']);
  });

  it('shows the items of a cancelled transaction as they were at one moment', async () => {
    const other = frontOver(etcd);
    const names = ['p', 'q', 'r'];
    let n = 0;
    /** Changes all items, in one transaction. */
    const change = async () => {
      n += 1;
      const TransactItems = names.map((name) => ({ Put: put(name, { n: { N: String(n) } }) }));
      await other('TransactWriteItems', { TransactItems });
    };
    await change();
    const changing = frontOver({
      ...etcd,
      range: async (request, deadline) => {
        const reply = await etcd.range(request, deadline);
        await change();
        return reply;
      },
    });
    const shown = { ...isNew, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' };
    // The copy of this item refuses the guess, so all items are read.
    await changing('GetItem', { TableName, Key: keyOf('q') });
    const reply = await changing('TransactWriteItems', {
      TransactItems: names.map((name) => ({ Put: put(name, {}, shown) })),
    });
    const reasons = reply.body['CancellationReasons'] as { Item: { n: { N: string } } }[];
    expect(new Set(reasons.map(({ Item }) => Item.n.N)).size).toBe(1);
  });

  it('gives all reasons of a cancelled transaction from one snapshot, with the items that were asked for', async () => {
    await front('PutItem', put('p', { n: { N: '1' } }));
    const shown = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' };
    const reply = await front('TransactWriteItems', {
      TransactItems: [
        { Put: put('new', {}, isNew) },
        { Put: put('p', {}, { ...isNew, ...shown }) },
        {
          ConditionCheck: {
            TableName,
            Key: keyOf('none'),
            ConditionExpression: 'attribute_exists(pk)',
            ...shown,
          },
        },
      ],
    });
    expect(nameOf(reply)).toBe('TransactionCanceledException');
    const failed = { Code: 'ConditionalCheckFailed', Message: 'The conditional request failed' };
    expect(reply.body['CancellationReasons']).toEqual([
      { Code: 'None' },
      { ...failed, Item: { ...keyOf('p'), n: { N: '1' } } },
      failed,
    ]);
    expect(stored()).toEqual(['item/vault\0p\0a']);
  });

  it('creates with one call to etcd, and updates what it has read with one more', async () => {
    const count = async (work: () => Promise<unknown>) => {
      const before = etcd.calls.length;
      await work();
      return etcd.calls.length - before;
    };
    await front('DescribeTable', { TableName });
    expect(await count(() => front('PutItem', put('p', { n: { N: '1' } }, isNew)))).toBe(1);
    const other = frontOver(etcd);
    await other('DescribeTable', { TableName });
    expect(await count(() => other('GetItem', { TableName, Key: keyOf('p') }))).toBe(1);
    const isOne = {
      ConditionExpression: 'n = :n',
      ExpressionAttributeValues: { ':n': { N: '1' } },
    };
    expect(await count(() => other('PutItem', put('p', { n: { N: '2' } }, isOne)))).toBe(1);
  });

  it('writes with one call by what it saw in a refusal or only checked', async () => {
    const isN = (n: number) => ({
      ConditionExpression: 'n = :n',
      ExpressionAttributeValues: { ':n': { N: String(n) } },
    });
    await front('PutItem', put('p', { n: { N: '1' } }));
    await frontOver(etcd)('PutItem', put('p', { n: { N: '2' } }));
    expect((await front('PutItem', put('p', { n: { N: '3' } }, isN(1)))).status).toBe(400);
    const before = etcd.calls.length;
    const ConditionCheck = { TableName, Key: keyOf('p'), ...isN(2) };
    for (const pk of ['q', 'r']) {
      const TransactItems = [{ ConditionCheck }, { Put: put(pk) }];
      expect((await front('TransactWriteItems', { TransactItems })).status).toBe(200);
    }
    expect(etcd.calls.length - before).toBe(2);
  });

  it('writes no entry again that an update does not change', async () => {
    const entries = { owner: { S: 'one' }, expiresAt: { N: '5' } };
    const counted = { ReturnConsumedCapacity: 'TOTAL' };
    await front('PutItem', put('p', { ...entries, n: { N: '1' } }));
    const reply = await front('PutItem', put('p', { ...entries, n: { N: '2' } }, counted));
    const [{ success } = { success: [] }] = etcd.calls.slice(-1) as Txn[];
    expect(success).toHaveLength(1);
    expect(reply.body['ConsumedCapacity']).toMatchObject({ CapacityUnits: 1 });
  });

  it('pages through a range in both directions, in the order of bytes', async () => {
    const sorted = ['a', 'a\u0001', 'ab', 'b', 'é', '\uffff', '\u{10000}'];
    for (const sk of [...sorted].reverse())
      await front('PutItem', { TableName, Item: keyOf('p', sk) });
    await front('PutItem', put('p0'));
    for (const isForward of [true, false]) {
      const found: string[] = [];
      let ExclusiveStartKey: unknown;
      do {
        const { body } = await front('Query', {
          TableName,
          KeyConditionExpression: 'pk = :p',
          ExpressionAttributeValues: { ':p': { S: 'p' } },
          ScanIndexForward: isForward,
          Limit: 2,
          ...(ExclusiveStartKey !== undefined && { ExclusiveStartKey }),
        });
        expect(body['Count']).toBeLessThanOrEqual(2);
        found.push(...(body['Items'] as { sk: { S: string } }[]).map(({ sk }) => sk.S));
        ExclusiveStartKey = body['LastEvaluatedKey'];
      } while (ExclusiveStartKey !== undefined);
      expect(found).toEqual(isForward ? sorted : [...sorted].reverse());
    }
  });

  it('ends a page at 1 MB and goes on behind it', async () => {
    const large = { v: { S: 'x'.repeat(300_000) } };
    for (let n = 0; n < 7; n += 1)
      await front('PutItem', { TableName, Item: { ...keyOf('p', `s${n}`), ...large } });
    const sizes: number[] = [];
    let ExclusiveStartKey: unknown;
    do {
      const { body } = await front('Scan', {
        TableName,
        ...(ExclusiveStartKey !== undefined && { ExclusiveStartKey }),
      });
      sizes.push(Number(body['Count']));
      ExclusiveStartKey = body['LastEvaluatedKey'];
    } while (ExclusiveStartKey !== undefined);
    expect(sizes).toEqual([3, 3, 1]);
  });

  it('scans past pages that a filter leaves empty within one page of 1 MB', async () => {
    for (let n = 0; n < 300; n += 1)
      await front(
        'PutItem',
        put(`p${String(n).padStart(3, '0')}`, n === 299 ? { x: { S: '' } } : {}),
      );
    const { body } = await front('Scan', { TableName, FilterExpression: 'attribute_exists(x)' });
    expect(body).toMatchObject({ Count: 1, ScannedCount: 300 });
    expect(body['LastEvaluatedKey']).toBeUndefined();
  });

  it('keeps apart the entries of tables whose names begin alike', async () => {
    await front('CreateTable', table({ TableName: 'vault2' }));
    await front('PutItem', { ...put('p'), TableName: 'vault2' });
    expect((await front('Scan', { TableName })).body).toMatchObject({ Count: 0 });
  });
});

describe('a front whose etcd fails', () => {
  const failing = (details: string, code: number): EtcdClient => ({
    ...etcd,
    range: () => Promise.reject(Object.assign(new Error(details), { code, details })),
    txn: () => Promise.reject(Object.assign(new Error(details), { code, details })),
  });
  /** A client that answers reads, but no write. */
  const silent = (): EtcdClient => ({
    ...etcd,
    txn: (request, deadline) =>
      request.success.every((operation) => 'request_range' in operation)
        ? etcd.txn(request, deadline)
        : new Promise(() => undefined),
  });

  it.each([
    ['no leader', status.UNAVAILABLE, 500],
    ['etcdserver: mvcc: database space exceeded', status.RESOURCE_EXHAUSTED, 500],
    ['etcdserver: too many requests', status.RESOURCE_EXHAUSTED, 503],
  ])(
    'answers a write that fails with %j (code %i) with status %i',
    async (details, code, expected) => {
      const known = frontOver({ ...failing(details, code), range: etcd.range });
      expect((await known('PutItem', put('p', {}, isNew))).status).toBe(expected);
    },
  );

  it('answers a read that fails with 503', async () => {
    const reply = await frontOver(failing('no leader', status.UNAVAILABLE))('GetItem', {
      TableName,
      Key: keyOf('p'),
    });
    expect(reply.status).toBe(503);
  });

  it('answers 503 to a write that was not sent by its deadline, and 500 to one that was', async () => {
    const hung = frontOver(silent());
    await hung('DescribeTable', { TableName });
    jest.useFakeTimers();
    try {
      const replies = [];
      // Each of the first eight goes alone, and its call has no reply; then no more calls are sent.
      for (let n = 0; n < 9; n += 1) {
        replies.push(hung('PutItem', put(`p${n}`, {}, isNew)));
        await jest.advanceTimersByTimeAsync(260);
      }
      await jest.advanceTimersByTimeAsync(2_300);
      const codes = (await Promise.all(replies)).map(({ status: code }) => code);
      expect(codes).toEqual([...Array(8).fill(500), 503]);
    } finally {
      jest.useRealTimers();
    }
  });

  it('answers every write within its deadline as unclear when no reply comes', async () => {
    const hung = frontOver(silent());
    await hung('DescribeTable', { TableName });
    const began = performance.now();
    const replies = await Promise.all(
      Array.from({ length: 10 }, async (_, n) => {
        await sleep(n * 20);
        return await hung('PutItem', put(`p${n}`, {}, isNew));
      }),
    );
    expect(performance.now() - began).toBeLessThan(3_500);
    expect(new Set(replies.map(({ status: code }) => code))).toEqual(new Set([500]));
  });
});
