/** The key-value service that the front relies on: a real etcd, and the one in memory that other tests use for it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type EtcdClient,
  isInvalidArgument,
  type Operation,
  type Txn,
} from '../../local/etcd/etcd-client.ts';
import { type EtcdFront, startEtcdFront } from '../support/etcd-front.ts';
import { tableOf } from '../support/front-tables.ts';
import { createMemoryEtcd } from '../support/memory-etcd.ts';

const soon = () => performance.now() + 5_000;
const key = (text: string) => Buffer.from(text);
const put = (at: string, value: string): Operation => ({
  request_put: { key: key(at), value: Buffer.from(value) },
});
const remove = (at: string): Operation => ({ request_delete_range: { key: key(at) } });
const show = (at: string): Operation => ({ request_range: { key: key(at) } });
const is = (at: string, revision: string) => ({
  target: 'MOD' as const,
  result: 'EQUAL' as const,
  key: key(at),
  mod_revision: revision,
});
const nested = (...txns: readonly Txn[]): Txn => ({
  compare: [],
  success: txns.map((request_txn) => ({ request_txn })),
  failure: [],
});

let real: EtcdFront;
beforeAll(async () => {
  real = await startEtcdFront();
});
afterAll(() => real.close());

describe.each([
  ['a real etcd', () => real.etcd],
  ['the etcd in memory', () => createMemoryEtcd()],
])('%s', (_, open) => {
  let etcd: EtcdClient;
  beforeAll(() => {
    etcd = open();
  });
  const shownAt = async (at: string) =>
    (await etcd.range({ key: key(at) }, soon())).kvs[0]?.value.toString();
  const revisionOf = async (at: string) =>
    (await etcd.range({ key: key(at) }, soon())).kvs[0]?.mod_revision ?? '0';

  it('gives the revision of a key to compare, and 0 for a key that is absent', async () => {
    const create: Txn = { compare: [is('a', '0')], success: [put('a', '1')], failure: [show('a')] };
    const created = await etcd.txn(create, soon());
    expect(created.succeeded).toBe(true);
    expect(await revisionOf('a')).toBe(created.header?.revision);
    const again = await etcd.txn(create, soon());
    expect(again.succeeded).toBe(false);
    expect(again.responses[0]?.response_range?.kvs[0]).toMatchObject({
      mod_revision: created.header?.revision,
    });
  });

  it('gives each nested transaction its own branch, by what was stored before all of them', async () => {
    const reply = await etcd.txn(
      nested(
        { compare: [is('b', '0')], success: [put('b', '1')], failure: [] },
        { compare: [is('c', '99999')], success: [put('c', '1')], failure: [show('c'), show('b')] },
        { compare: [is('b', '0')], success: [put('d', '1')], failure: [] },
      ),
      soon(),
    );
    const inner = reply.responses.map(({ response_txn }) => response_txn);
    expect(inner.map((one) => one?.succeeded)).toEqual([true, false, true]);
    expect(await shownAt('d')).toBe('1');
    expect(await shownAt('c')).toBeUndefined();
    expect(await revisionOf('b')).toBe(await revisionOf('d'));
  });

  it('refuses a call that puts a key twice as a whole, also in nested transactions', async () => {
    const one: Txn = { compare: [], success: [put('e', '1')], failure: [] };
    for (const txn of [{ ...one, success: [...one.success, ...one.success] }, nested(one, one)]) {
      const error = await etcd.txn(txn, soon()).catch((caught: unknown) => caught);
      expect(isInvalidArgument(error)).toBe(true);
    }
    expect(await shownAt('e')).toBeUndefined();
  });

  it('deletes a key, whose revision is then 0', async () => {
    await etcd.txn({ compare: [], success: [put('f', '1')], failure: [] }, soon());
    await etcd.txn({ compare: [], success: [remove('f')], failure: [] }, soon());
    expect(await revisionOf('f')).toBe('0');
  });

  it('reads a range in both directions, in the order of bytes, and says whether there is more, and how much in all', async () => {
    const keys = ['r/a', 'r/a\0b', 'r/a\u0001', 'r/é', 'r/\uffff', 'r/\u{10000}'];
    const shuffled = [...keys].reverse();
    await etcd.txn(
      { compare: [], success: shuffled.map((at) => put(at, at)), failure: [] },
      soon(),
    );
    const read = async (limit: number, sort_order: 'ASCEND' | 'DESCEND') => {
      const all = { key: key('r/'), range_end: key('r0'), limit, sort_order };
      const { kvs, more, count } = await etcd.range(all, soon());
      return { keys: kvs.map(({ value }) => value.toString()), more, count };
    };
    const count = '6';
    expect(await read(0, 'ASCEND')).toEqual({ keys, more: false, count });
    expect(await read(2, 'ASCEND')).toEqual({ keys: keys.slice(0, 2), more: true, count });
    expect(await read(6, 'DESCEND')).toEqual({ keys: [...keys].reverse(), more: false, count });
  });
});

describe('a front over a real etcd', () => {
  const TableName = 'front';
  const keyOf = (pk: string) => ({ pk: { S: pk } });
  beforeAll(async () => {
    const made = await real.front('CreateTable', tableOf(TableName, ['pk']));
    expect(made.status).toBe(200);
  });

  it('writes and reads a hundred large items, with their conditions, in one transaction, and in one batch', async () => {
    const names = Array.from({ length: 100 }, (_, n) => `many-${n}`);
    const value = { S: 'x'.repeat(30_000) };
    const writes = names.map((name) => ({
      Put: {
        TableName,
        Item: { ...keyOf(name), value },
        ConditionExpression: 'attribute_not_exists(pk)',
      },
    }));
    expect((await real.front('TransactWriteItems', { TransactItems: writes })).status).toBe(200);
    const again = await real.front('TransactWriteItems', { TransactItems: writes });
    expect(again.body['CancellationReasons']).toHaveLength(100);
    const reads = names.map((name) => ({ Get: { TableName, Key: keyOf(name) } }));
    const { body } = await real.front('TransactGetItems', { TransactItems: reads });
    expect(body['Responses']).toEqual(names.map((name) => ({ Item: { ...keyOf(name), value } })));
    const asked = {
      Keys: [...names].reverse().map(keyOf),
      ConsistentRead: true,
      ProjectionExpression: 'pk',
    };
    const batch = await real.front('BatchGetItem', {
      RequestItems: { [TableName]: asked },
      ReturnConsumedCapacity: 'TOTAL',
    });
    expect(batch.body['Responses']).toEqual({ [TableName]: [...names].reverse().map(keyOf) });
    // A projection saves no units: each item counts with all its bytes.
    expect(batch.body['ConsumedCapacity']).toEqual([{ TableName, CapacityUnits: 800 }]);
  });
});
