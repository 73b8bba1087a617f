import { status } from '@grpc/grpc-js';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Reply } from '../../../../local/etcd/dynamodb-protocol.ts';
import type { EtcdClient, Txn } from '../../../../local/etcd/etcd-client.ts';
import { createFront, type Front } from '../../../../local/etcd/front.ts';
import { tableOf } from '../../../support/front-tables.ts';
import { createMemoryEtcd, type MemoryEtcd } from '../../../support/memory-etcd.ts';

const TableName = 'vault';
const table = (more: object = {}) => ({
  ...tableOf(TableName, ['pk', 'sk'], ['owner', 'sk']),
  ...more,
});
const keyOf = (pk: string, sk = 'a') => ({ pk: { S: pk }, sk: { S: sk } });
const put = (pk: string, more: object = {}, parameters: object = {}) => ({
  TableName,
  Item: { ...keyOf(pk), ...more },
  ...parameters,
});
const isNew = { ConditionExpression: 'attribute_not_exists(pk)' };
const valued = (value: object) => ({ ExpressionAttributeValues: { ':v': value } });
const isN = (n: number) => ({ ConditionExpression: 'n = :v', ...valued(number(n).n) });
const number = (n: number) => ({ n: { N: String(n) } });
const get = (Key: object) => ({ TableName, Key });
const item = (Item: object) => ({ TableName, Item });
const transact = (...TransactItems: readonly object[]) => ({ TransactItems });
const many = (length: number, make: (n: number) => object) =>
  Array.from({ length }, (_, n) => make(n));
const putN = (n: number) => ({ Put: put(`p${n}`) });
const putLarge = (n: number) => ({ Put: put(`p${n}`, { v: { S: 'x'.repeat(400_000) } }) });
const getN = (n: number) => ({ Get: get(keyOf(`p${n}`)) });
const batch = (Keys: readonly object[], more: object = {}) => ({
  RequestItems: { [TableName]: { Keys, ...more } },
});
const keyN = (n: number) => keyOf(`p${n}`);
const projecting = (ProjectionExpression: string, names?: Readonly<Record<string, string>>) =>
  batch([keyOf('p')], { ProjectionExpression, ...(names && { ExpressionAttributeNames: names }) });
const query = (KeyConditionExpression: string, more: object = {}) => ({
  TableName,
  KeyConditionExpression,
  ...valued({ S: 'a' }),
  ...more,
});
const [isA, ownedByA] = ['pk = :v', 'owner = :v'];
const byOwner = { IndexName: 'byOwner' };
const consistent = { ...byOwner, ConsistentRead: true };
const startAt = (pk: string) => ({ ExclusiveStartKey: keyOf(pk) });
const moreThanKey = {
  ...byOwner,
  ExclusiveStartKey: { ...keyOf('p'), owner: { S: 'a' }, x: { S: '' } },
};
const other = (more: object) => table({ TableName: 'other', ...more });
const numbered = { AttributeName: 'pk', AttributeType: 'N' };
const wholeIndex = {
  GlobalSecondaryIndexes: [
    {
      IndexName: 'all',
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      Projection: { ProjectionType: 'ALL' },
    },
  ],
};

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
  it.each(['UpdateItem', 'BatchWriteItem', 'DeleteTable', 'ListTables', 'constructor', ''])(
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
    ['PutItem', 'a missing key attribute', item({ pk: { S: 'p' } }), 'sk'],
    ['PutItem', 'a key of another type', item({ pk: { N: '1' }, sk: { S: 'a' } }), 'pk'],
    ['PutItem', 'an empty key', put(''), 'pk must not be empty'],
    ['PutItem', 'a key with NUL', put('p\0q'), 'pk must not contain NUL'],
    ['PutItem', 'a key that is not well-formed', put('p\ud800'), 'S must be text'],
    ['PutItem', 'a key that is too long', put('p'.repeat(2_049)), '2048 bytes'],
    ['PutItem', 'a range key that is too long', item(keyOf('p', 's'.repeat(1_025))), '1024 bytes'],
    ['PutItem', 'an index key of another type', put('p', { owner: { N: '1' } }), 'be of type S'],
    ['PutItem', 'an index key with NUL', put('p', { owner: { S: 'o\0' } }), 'contain NUL'],
    ['PutItem', 'an item over 400 KB', put('p', { v: { S: 'x'.repeat(409_600) } }), 'Item size'],
    [
      'PutItem',
      'an unused placeholder',
      put('p', {}, { ...isNew, ...valued({ S: '' }) }),
      'unused',
    ],
    ['GetItem', 'a key with more attributes', get({ ...keyOf('p'), x: { S: '' } }), 'keys'],
    ['GetItem', 'an index', { ...get(keyOf('p')), IndexName: 'byOwner' }, 'IndexName'],
    ['Query', 'no hash key', query('sk = :v'), 'condition'],
    ['Query', 'an OR', query('pk = :v OR sk = :v'), 'condition'],
    ['Query', 'two conditions on its hash key', query('pk = :v AND pk = :v'), 'condition'],
    [
      'Query',
      'two conditions on its range key',
      query(`${isA} AND sk > :v AND sk < :v`),
      'condition',
    ],
    ['Query', 'a range of no key', query(`${isA} AND n BETWEEN :v AND :v`), 'condition'],
    ['Query', 'a key condition of another type', query(isA, valued({ N: '1' })), 'type S'],
    ['Query', 'a start key with more attributes', query(ownedByA, moreThanKey), 'starting key'],
    ['Query', 'an unknown index', query(isA, { IndexName: 'none' }), 'index'],
    ['Query', 'a consistent read of an index', query(ownedByA, consistent), 'Consistent reads'],
    ['Query', 'a start key behind its range', query(isA, startAt('b')), 'outside'],
    ['Query', 'a start key before its range', query(isA, startAt('Z')), 'outside'],
    ['Query', 'a key with NUL', query(ownedByA, { ...byOwner, ...valued({ S: 'o\0a' }) }), 'NUL'],
    ['Scan', 'a filter', { TableName, FilterExpression: 'n = :v' }, 'FilterExpression'],
    ['Scan', 'a segment', { TableName, Segment: 0, TotalSegments: 2 }, 'Segment'],
    ['TransactWriteItems', 'no action', transact(), 'TransactItems'],
    ['TransactWriteItems', 'an Update', transact({ Update: get(keyOf('p')) }), 'TransactItems'],
    [
      'TransactWriteItems',
      'a check without a condition',
      transact({ ConditionCheck: get(keyOf('p')) }),
      'ConditionExpression',
    ],
    [
      'TransactWriteItems',
      'two actions on one item',
      transact({ Put: put('p') }, { Delete: get(keyOf('p')) }),
      'multiple operations',
    ],
    ['TransactWriteItems', '101 actions', transact(...many(101, putN)), '100 actions'],
    ['TransactWriteItems', 'more than 4 MB', transact(...many(11, putLarge)), '4 MB'],
    ['TransactGetItems', '101 items', transact(...many(101, getN)), '100 actions'],
    ['TransactGetItems', 'one item twice', transact(getN(1), getN(1)), 'multiple operations'],
    ['BatchGetItem', 'no table', { RequestItems: {} }, 'one table'],
    [
      'BatchGetItem',
      'two tables',
      { RequestItems: { [TableName]: { Keys: [keyN(1)] }, other: { Keys: [keyN(1)] } } },
      'one table',
    ],
    ['BatchGetItem', 'no key', batch([]), 'Keys'],
    ['BatchGetItem', '101 keys', batch(many(101, keyN)), 'Keys'],
    ['BatchGetItem', 'one key twice', batch([keyN(1), keyN(1)]), 'duplicates'],
    ['BatchGetItem', 'half a key', batch([{ pk: { S: 'p' } }]), 'keys'],
    [
      'BatchGetItem',
      'an old parameter',
      batch([keyN(1)], { AttributesToGet: ['n'] }),
      'AttributesT',
    ],
    ['BatchGetItem', 'an unknown placeholder', projecting('#n'), 'not defined: #n'],
    ['BatchGetItem', 'an unused placeholder', projecting('n', { '#t': 't' }), 'unused'],
    [
      'BatchGetItem',
      'placeholders without a projection',
      batch([keyN(1)], { ExpressionAttributeNames: { '#n': 'n' } }),
      'unused',
    ],
    ['BatchGetItem', 'one attribute twice', projecting('n, #n', { '#n': 'n' }), 'overlap'],
    ['BatchGetItem', 'a path into an attribute', projecting('m.a'), 'only name attributes'],
    ['BatchGetItem', 'an empty projection', projecting(''), 'only name attributes'],
    ['CreateTable', 'a key of type N', other({ AttributeDefinitions: [numbered] }), 'of type S'],
    ['CreateTable', 'an index of whole items', other(wholeIndex), 'ProjectionType'],
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

  it.each<[string, object]>([
    ['PutItem', put('p')],
    ['GetItem', get(keyOf('p'))],
    ['Query', query(isA)],
    ['Scan', {}],
    ['DescribeTable', {}],
    ['TransactWriteItems', transact({ Put: { ...put('p'), TableName: 'none' } })],
    ['BatchGetItem', { RequestItems: { none: { Keys: [keyOf('p')] } } }],
  ])('answers a %s of a missing table with ResourceNotFoundException', async (operation, body) => {
    const isNamed = 'TransactItems' in body || 'RequestItems' in body;
    const named = isNamed ? body : { ...body, TableName: 'none' };
    expect(nameOf(await front(operation, named))).toBe('ResourceNotFoundException');
  });

  it('makes a table once, and describes it with its expiry', async () => {
    expect(nameOf(await front('CreateTable', table()))).toBe('ResourceInUseException');
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
    await front('DeleteItem', get(keyOf('p')));
    expect(stored()).toEqual([]);
  });

  it.each([
    [{ N: '7' }, '000000000007'],
    [{ N: '1000000000000' }, undefined],
    [{ S: '7' }, undefined],
  ])(
    'writes one entry for a whole second of at most twelve digits: %j',
    async (expiresAt, second) => {
      await front('PutItem', put('p', { expiresAt }));
      const entries = stored().filter((key) => key.startsWith('expiry/'));
      expect(entries).toEqual(second === undefined ? [] : [`expiry/vault\0${second}\0p\0a`]);
      if (second !== undefined)
        expect(etcd.items().get(entries[0] ?? '')).toBe(JSON.stringify(keyOf('p')));
    },
  );

  it('leaves no entry behind when an unconditional put meets an item that it had not seen', async () => {
    await frontOver(etcd)('PutItem', put('p', { owner: { S: 'one' } }));
    await front('PutItem', put('p', { owner: { S: 'two' } }));
    expect(stored()).toEqual(['item/vault\0p\0a', 'index/vault\0byOwner\0two\0a\0p\0a']);
  });

  // Shows G15.
  it('rejects a write by the stored item, never by an older copy of the item', async () => {
    await front('PutItem', put('p', number(1)));
    await frontOver(etcd)('DeleteItem', get(keyOf('p')));
    expect((await front('PutItem', put('p', number(2), isNew))).status).toBe(200);
    await frontOver(etcd)('PutItem', put('p', number(3)));
    expect((await front('PutItem', put('p', number(4), isN(3)))).status).toBe(200);
  });

  it('rejects a write by the stored item if only an older copy, or none, permits the write', async () => {
    await front('PutItem', put('seen', number(1)));
    await frontOver(etcd)('PutItem', put('seen', number(2)));
    await frontOver(etcd)('PutItem', put('unseen', number(2)));
    const replies = [
      await front('PutItem', put('seen', number(3), isN(1))),
      await front('PutItem', put('unseen', number(3), isNew)),
    ];
    expect(replies.map(nameOf)).toEqual(Array(2).fill('ConditionalCheckFailedException'));
  });

  it('refuses a transaction if an item that it only checks has changed since it was seen', async () => {
    await front('PutItem', put('checked', number(1)));
    await frontOver(etcd)('PutItem', put('checked', number(2)));
    const check = { ConditionCheck: { ...get(keyOf('checked')), ...isN(1) } };
    const reply = await front('TransactWriteItems', transact({ Put: put('new') }, check));
    expect(nameOf(reply)).toBe('TransactionCanceledException');
    expect(stored()).toEqual(['item/vault\0checked\0a']);
  });

  it('shows the items of a cancelled transaction as they were at one moment', async () => {
    const writer = frontOver(etcd);
    const names = ['p', 'q', 'r'];
    let n = 0;
    /** Changes all items, in one transaction. */
    const change = async () => {
      n += 1;
      await writer(
        'TransactWriteItems',
        transact(...names.map((name) => ({ Put: put(name, number(n)) }))),
      );
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
    await changing('GetItem', get(keyOf('q')));
    const reply = await changing('TransactWriteItems', {
      TransactItems: names.map((name) => ({ Put: put(name, {}, shown) })),
    });
    const reasons = reply.body['CancellationReasons'] as { Item: { n: { N: string } } }[];
    expect(new Set(reasons.map(({ Item }) => Item.n.N)).size).toBe(1);
  });

  it('creates with one call to etcd, and updates what it has read with one more', async () => {
    const count = async (work: () => Promise<unknown>) => {
      const before = etcd.calls.length;
      await work();
      return etcd.calls.length - before;
    };
    await front('DescribeTable', { TableName });
    expect(await count(() => front('PutItem', put('p', number(1), isNew)))).toBe(1);
    const second = frontOver(etcd);
    await second('DescribeTable', { TableName });
    expect(await count(() => second('GetItem', get(keyOf('p'))))).toBe(1);
    expect(await count(() => second('PutItem', put('p', number(2), isN(1))))).toBe(1);
  });

  it('refuses a create with one call, by the item that etcd returned instead of a write', async () => {
    await front('PutItem', put('p', number(1)));
    const second = frontOver(etcd);
    await second('DescribeTable', { TableName });
    const before = etcd.calls.length;
    expect((await second('PutItem', put('p', number(2), isNew))).status).toBe(400);
    expect(etcd.calls.length - before).toBe(1);
  });

  it('writes with one call by what it saw in a refusal or only checked', async () => {
    await front('PutItem', put('p', number(1)));
    await frontOver(etcd)('PutItem', put('p', number(2)));
    expect((await front('PutItem', put('p', number(3), isN(1)))).status).toBe(400);
    const before = etcd.calls.length;
    const check = { ConditionCheck: { ...get(keyOf('p')), ...isN(2) } };
    for (const pk of ['q', 'r']) {
      const { status: told } = await front('TransactWriteItems', transact(check, { Put: put(pk) }));
      expect(told).toBe(200);
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

  /** All pages of a query or a scan. */
  const pagesOf = async (operation: string, body: object) => {
    const pages: { sk: { S: string } }[][] = [];
    let more: object = {};
    for (;;) {
      const { body: page } = await front(operation, { ...body, ...more });
      pages.push(page['Items'] as { sk: { S: string } }[]);
      if (page['LastEvaluatedKey'] === undefined) return pages;
      more = { ExclusiveStartKey: page['LastEvaluatedKey'] };
    }
  };

  it('pages through a range in both directions, in the order of bytes', async () => {
    const sorted = ['a', 'a\u0001', 'ab', 'b', 'é', '\uffff', '\u{10000}'];
    for (const sk of sorted.toReversed()) await front('PutItem', item(keyOf('p', sk)));
    await front('PutItem', put('p0'));
    for (const ScanIndexForward of [true, false]) {
      const ofP = query(isA, { ...valued({ S: 'p' }), ScanIndexForward, Limit: 2 });
      const pages = await pagesOf('Query', ofP);
      expect(Math.max(...pages.map(({ length }) => length))).toBe(2);
      const found = pages.flat().map(({ sk }) => sk.S);
      expect(found).toEqual(ScanIndexForward ? sorted : sorted.toReversed());
    }
  });

  it('ends a page at 1 MB and goes on behind it', async () => {
    const v = { S: 'x'.repeat(300_000) };
    for (let n = 0; n < 7; n += 1) await front('PutItem', item({ ...keyOf('p', `s${n}`), v }));
    const pages = await pagesOf('Scan', { TableName });
    expect(pages.map(({ length }) => length)).toEqual([3, 3, 1]);
  });

  it('scans 300 small items within one page of 1 MB, over several calls to etcd', async () => {
    for (let n = 100; n < 400; n += 1) await front('PutItem', put(`p${n}`));
    const { body } = await front('Scan', { TableName });
    expect(body).toMatchObject({ Count: 300, ScannedCount: 300 });
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
    const away = frontOver(failing('no leader', status.UNAVAILABLE));
    expect((await away('GetItem', get(keyOf('p')))).status).toBe(503);
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
    jest.useFakeTimers();
    try {
      const codes: number[] = [];
      for (let n = 0; n < 10; n += 1) {
        void hung('PutItem', put(`p${n}`, {}, isNew)).then(({ status: code }) => codes.push(code));
        await jest.advanceTimersByTimeAsync(20);
      }
      await jest.advanceTimersByTimeAsync(2_300);
      expect(codes).toEqual(Array(10).fill(500));
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('a guarded front', () => {
  const sentence = 'this node compares its data';
  /** Refuses these kinds of requests. */
  const guarded = (...refused: readonly string[]): Front =>
    createFront({
      client: etcd,
      onGoneBack: () => undefined,
      admit: async (kind) => (refused.includes(kind) ? sentence : undefined),
    });
  const unavailable = { status: 503, body: { message: sentence } };
  const calls = () => etcd.calls.length;

  it('answers 503 with the reason, and asks etcd nothing, while its node does not serve', async () => {
    const [closed, asked] = [guarded('read', 'write'), calls()];
    expect(await closed('PutItem', put('p'))).toMatchObject(unavailable);
    expect(await closed('Scan', { TableName })).toMatchObject(unavailable);
    expect(calls()).toBe(asked);
  });

  it('serves reads and refuses every write while its node has no space', async () => {
    const [full, asked] = [guarded('write'), calls()];
    for (const [operation, body] of [
      ['PutItem', put('p')],
      ['DeleteItem', get(keyOf('p'))],
      ['TransactWriteItems', transact({ Delete: get(keyOf('p')) })],
      ['CreateTable', other({})],
    ] as const) {
      expect(await full(operation, body)).toMatchObject(unavailable);
    }
    expect(calls()).toBe(asked);
    for (const [operation, body] of [
      ['Scan', { TableName }],
      ['DescribeTable', { TableName }],
      ['DescribeTimeToLive', { TableName }],
    ] as const) {
      expect((await full(operation, body)).status).toBe(200);
    }
  });
});
