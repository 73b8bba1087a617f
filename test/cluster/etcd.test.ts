/**
 * The key-value service that the store of a node relies on. The same tests run against a real etcd
 * and against the one in memory that other tests use instead.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type EtcdClient,
  isInvalidArgument,
  type Operation,
  type Txn,
} from '../../host/etcd/etcd-client.ts';
import { createEtcdItems } from '../../host/etcd/etcd-items.ts';
import { createEtcd } from '../../host/etcd/group-commit.ts';
import { createMemoryEtcd } from '../support/memory-etcd.ts';
import { requestContext } from '../support/requests.ts';
import { type SingleEtcd, startSingleEtcd } from '../support/single-etcd.ts';

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

let real: SingleEtcd;
beforeAll(async () => {
  real = await startSingleEtcd();
});
afterAll(() => real.close());

describe.each([
  ['real', () => real.client],
  ['in memory', () => createMemoryEtcd()],
])('etcd (%s)', (_, open) => {
  let etcd: EtcdClient;
  beforeAll(() => {
    etcd = open();
  });
  const shownAt = async (at: string) =>
    (await etcd.range({ key: key(at) }, soon())).kvs[0]?.value.toString();
  const revisionOf = async (at: string) =>
    (await etcd.range({ key: key(at) }, soon())).kvs[0]?.mod_revision ?? '0';

  it('compares the revision of a key, which is 0 for a missing key', async () => {
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

  it('chooses the branch of each nested transaction by what was stored before all of them', async () => {
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

  it('refuses a whole call if it puts a key twice, also in nested transactions', async () => {
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

  it('reads a range in byte order, in both directions, and reports whether more keys follow and how many there are in all', async () => {
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

describe('items in a real etcd', () => {
  it('can be written a hundred at once, each on a condition, and read a hundred at once, even large ones', async () => {
    const etcd = createEtcd({
      client: real.client,
      onGoneBack: (why) => {
        throw new Error(why);
      },
    });
    const items = createEtcdItems(etcd)(requestContext());
    const keys = Array.from({ length: 100 }, (_, n) => ({ pk: `many-${n}`, sk: 'HEAD' }));
    const guards = keys.map(({ pk, sk }) => ({
      key: { pk, sk },
      expected: { is: 'absent' } as const,
      put: { pk: { S: pk }, sk: { S: sk }, value: { S: 'x'.repeat(30_000) } },
    }));
    expect(await items.write(guards)).toBe('written');
    const judged = await items.write(guards);
    expect(judged).toEqual(guards.map(({ put: item }) => ({ is: 'failed', item })));
    expect(await items.get(keys)).toEqual(guards.map(({ put: item }) => item));
    expect(await items.get([...keys].reverse(), { attributes: ['pk'] })).toEqual(
      [...keys].reverse().map(({ pk }) => ({ pk: { S: pk } })),
    );
  });
});
