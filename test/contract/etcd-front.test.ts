/**
 * The front over etcd and the embedded store get the same generated requests, one after the other, and must give the
 * same replies. etcd is in memory here; `test/cluster/etcd.test.ts` holds it and a real etcd to one suite.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { dynoxide } from '../../local/dynamodb/dynoxide.ts';
import { type LocalStore, startStore } from '../../local/dynamodb/local-store.ts';
import type { Reply } from '../../local/etcd/dynamodb-protocol.ts';
import { createFront, type Front } from '../../local/etcd/front.ts';
import { tableOf } from '../support/front-tables.ts';
import { createMemoryEtcd } from '../support/memory-etcd.ts';

jest.setTimeout(600_000);

let folder: string;
let store: LocalStore;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vault-'));
  store = await startStore(dynoxide(process.cwd()), folder, () => undefined);
});
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

const askStore: Front = async (operation, body) => {
  const response = await fetch(store.endpoint, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/x-amz-json-1.0',
      'X-Amz-Target': `DynamoDB_20120810.${operation}`,
      'X-Amz-Date': '20260101T000000Z',
      // The store requires a signature and does not verify it.
      Authorization:
        'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
    },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Reply['body'] };
};

let tableCount = 0;
type Request = { readonly operation: string; readonly body: Record<string, unknown> };

const text = (values: readonly string[]) => fc.constantFrom(...values);
const key = fc.record({
  pk: fc.record({ S: text(['p', 'p0', 'q', 'é']) }),
  sk: fc.record({ S: text(['a', 'a\u0001', 'ab', 'b', 'z', 'ü']) }),
});
const more = fc.record(
  {
    owner: fc.record({ S: text(['o', 'oo']) }),
    rank: fc.record({ S: text(['1', '10', '2']) }),
    n: fc.record({ N: text(['1', '2', '10', '-1', '9007199254740991']) }),
    t: fc.record({ S: text(['', 'x', 'xy']) }),
    state: fc.record({ S: text(['stored', 'deleted']) }),
    list: fc.constant({ L: [{ M: { in: { N: '1' } } }, { S: 'x' }] }),
  },
  { requiredKeys: [] },
);
const comparator = text(['=', '<']);
const number = fc.record({ N: text(['1', '2', '9', '-3']) });

/** A condition over `n`, `t` and the keys, with its placeholders. */
const condition = fc.oneof(
  fc.constant({}),
  fc.constant({ ConditionExpression: 'attribute_not_exists(pk)' }),
  fc.record({ how: comparator, value: number }).map(({ how, value }) => ({
    ConditionExpression: `n ${how} :v`,
    ExpressionAttributeValues: { ':v': value },
  })),
  fc.record({ how: comparator, value: number }).map(({ how, value }) => ({
    ConditionExpression: `attribute_not_exists(pk) OR #n ${how} :v AND t = :t`,
    ExpressionAttributeNames: { '#n': 'n' },
    ExpressionAttributeValues: { ':v': value, ':t': { S: 'x' } },
  })),
  fc.record({ value: number, state: text(['stored', 'deleted']) }).map(({ value, state }) => ({
    ConditionExpression: 'n = :v AND #state = :state',
    ExpressionAttributeNames: { '#state': 'state' },
    ExpressionAttributeValues: { ':v': value, ':state': { S: state } },
  })),
);
/** Requests that both stores refuse. */
const malformed = fc.oneof(
  fc.constant({ ConditionExpression: 'n = :missing' }),
  fc.constant({ ConditionExpression: 'n = ' }),
  fc.constant({ ConditionExpression: 'attribute_not_exists(:pk)' }),
);
const shown = fc.constantFrom({}, { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' });
const projection = fc.constantFrom(...[{}, { ProjectionExpression: 'pk,n' }], {
  ProjectionExpression: ' #s , t',
  ExpressionAttributeNames: { '#s': 'state' },
});
/** Projections that both stores refuse. */
const malformedProjection = fc.constantFrom(
  { ExpressionAttributeNames: { '#n': 'n' } },
  { ProjectionExpression: '#n' },
  { ProjectionExpression: 'n', ExpressionAttributeNames: { '#n': 'n' } },
  { ProjectionExpression: 'n, #n', ExpressionAttributeNames: { '#n': 'n' } },
  ...['', 'n,', 'n t', ', n', 't, n, t'].map((text) => ({ ProjectionExpression: text })),
);
const capacity = { ReturnConsumedCapacity: 'TOTAL' };

const requestOn = (TableName: string): fc.Arbitrary<Request> => {
  const put = fc
    .tuple(key, more, condition, shown)
    .map(([own, other, ...rest]) =>
      Object.assign({ TableName, Item: { ...own, ...other } }, ...rest),
    );
  const remove = fc
    .tuple(key, condition, shown)
    .map(([Key, ...rest]) => Object.assign({ TableName, Key }, ...rest));
  const check = remove.filter((one) => 'ConditionExpression' in one);
  const action = fc.oneof(
    { weight: 3, arbitrary: put.map((Put) => ({ Put })) },
    remove.map((Delete) => ({ Delete })),
    check.map((ConditionCheck) => ({ ConditionCheck })),
  );
  const bounds = fc.oneof(
    fc.constant({ text: '', values: {} }),
    fc
      .record({ low: text(['a', 'a\u0001', 'ab']), high: text(['a', 'ab', 'b', 'z']) })
      .map(({ low, high }) => ({
        text: ' AND RANGE BETWEEN :low AND :high',
        values: { ':low': { S: low }, ':high': { S: high } },
      })),
  );
  const paging = fc.record(
    {
      Limit: fc.integer({ min: 1, max: 3 }),
      ScanIndexForward: fc.boolean(),
      ConsistentRead: fc.constant(true),
    },
    { requiredKeys: [] },
  );
  const query = fc.tuple(key, bounds, paging).map(([{ pk }, { text: range, values }, page]) => ({
    TableName,
    KeyConditionExpression: `pk = :pk${range.replace('RANGE', 'sk')}`,
    ExpressionAttributeValues: { ':pk': pk, ...values },
    ...page,
  }));
  const indexQuery = fc
    .tuple(text(['o', 'oo']), bounds, paging)
    .map(([owner, { text: range, values }, { ConsistentRead: _, ...page }]) => ({
      TableName,
      IndexName: 'byOwner',
      KeyConditionExpression: `#owner = :owner${range.replace('RANGE', '#rank')}`,
      ExpressionAttributeNames: { '#owner': 'owner', ...(range && { '#rank': 'rank' }) },
      ExpressionAttributeValues: { ':owner': { S: owner }, ...values },
      ...page,
    }));
  const keys = fc.uniqueArray(key, {
    minLength: 1,
    maxLength: 3,
    selector: (one) => JSON.stringify(one),
  });
  const batch = (shown: fc.Arbitrary<object>) =>
    fc.tuple(keys, shown, fc.boolean()).map(([Keys, asked, ConsistentRead]) => ({
      RequestItems: { [TableName]: { Keys, ConsistentRead, ...asked } },
    }));
  const of = (operation: string, body: fc.Arbitrary<object>) => ({
    weight: operation === 'PutItem' || operation === 'TransactWriteItems' ? 4 : 1,
    arbitrary: body.map((one) => ({ operation, body: { ...one, ...capacity } })),
  });
  return fc.oneof(
    of('PutItem', put),
    of(
      'PutItem',
      fc.tuple(key, malformed).map(([Item, refused]) => ({ TableName, Item, ...refused })),
    ),
    of('DeleteItem', remove),
    // Two actions on one item: both refuse them.
    of(
      'TransactWriteItems',
      put.map((Put) => ({ TransactItems: [{ Put }, { Put }] })),
    ),
    of(
      'TransactWriteItems',
      fc.array(action, { minLength: 1, maxLength: 4 }).map((TransactItems) => ({ TransactItems })),
    ),
    of(
      'GetItem',
      key.map((Key) => ({ TableName, Key, ConsistentRead: true })),
    ),
    of(
      'TransactGetItems',
      keys.map((all) => ({ TransactItems: all.map((Key) => ({ Get: { TableName, Key } })) })),
    ),
    of('BatchGetItem', batch(projection)),
    of('BatchGetItem', batch(malformedProjection)),
    of(
      'BatchGetItem',
      key.map((Key) => ({ RequestItems: { [TableName]: { Keys: [Key, Key] } } })),
    ),
    of(
      'BatchGetItem',
      key.map((Key) => ({ RequestItems: { none: { Keys: [Key] } } })),
    ),
    of('Query', query),
    of('Query', indexQuery),
    of('Scan', fc.constant({ TableName })),
  );
};

/** Most generated transactions are refused, so some seeds have no other. */
const acceptedTransaction: Request = {
  operation: 'TransactWriteItems',
  body: {
    TransactItems: [{ Put: { TableName: 'TABLE', Item: { pk: { S: 'a' }, sk: { S: 'b' } } } }],
    ...capacity,
  },
};

/** A reply without the texts and counters that the two stores word or count differently. */
const essence = ({ status, body }: Reply) => {
  const {
    __type: type,
    message: _,
    Message: __,
    ConsumedCapacity: units,
    LastEvaluatedKey: ____,
    ...rest
  } = body;
  const reasons = rest['CancellationReasons'];
  return {
    status,
    type: type === undefined ? undefined : String(type).split('#').at(-1),
    ...rest,
    // Both count a batch as DynamoDB does.
    ...('UnprocessedKeys' in rest && { ConsumedCapacity: units }),
    ...(Array.isArray(reasons) && {
      CancellationReasons: reasons.map(({ Code, Item }) => ({ Code, Item })),
    }),
  };
};

describe('the front over etcd', () => {
  // Shows G5.
  it('gives the replies of the embedded store to any sequence of requests', async () => {
    const counts = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(fc.array(requestOn('TABLE'), { maxLength: 40 }), async (requests) => {
        tableCount += 1;
        const TableName = `table-${tableCount}`;
        const front = createFront({
          client: createMemoryEtcd(),
          onGoneBack: (why) => {
            throw new Error(why);
          },
        });
        const table = tableOf(TableName, ['pk', 'sk'], ['owner', 'rank']);
        await askStore('CreateTable', table);
        await front('CreateTable', table);
        for (const { operation, body } of requests) {
          const named = JSON.parse(
            JSON.stringify(body).replaceAll('"TABLE"', JSON.stringify(TableName)),
          );
          const [own, stores] = [await front(operation, named), await askStore(operation, named)];
          const what = `${operation} ${essence(own).type ?? own.status}`;
          counts.set(what, (counts.get(what) ?? 0) + 1);
          expect({ named, reply: essence(own) }).toEqual({ named, reply: essence(stores) });
        }
      }),
      { numRuns: 40, examples: [[[acceptedTransaction]]] },
    );
    // The generated requests reach each kind of reply.
    for (const what of [
      'PutItem 200',
      'PutItem ConditionalCheckFailedException',
      'PutItem ValidationException',
      'TransactWriteItems 200',
      'TransactWriteItems TransactionCanceledException',
      'TransactWriteItems ValidationException',
      'Query 200',
      'Scan 200',
      'BatchGetItem 200',
      'BatchGetItem ValidationException',
      'BatchGetItem ResourceNotFoundException',
    ]) {
      expect({ what, count: counts.get(what) ?? 0 }).not.toMatchObject({ count: 0 });
    }
  });
});
