import { status } from '@grpc/grpc-js';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { machineClock } from '../../../../functions/runtime/clock.ts';
import type { Item, ItemKey } from '../../../../functions/store/items.ts';
import {
  type Expected,
  type Guard,
  type Items,
  NotSent,
} from '../../../../functions/store/ports.ts';
import type { EtcdClient, Txn } from '../../../../host/etcd/etcd-client.ts';
import { type Admission, createEtcdItems } from '../../../../host/etcd/etcd-items.ts';
import { createEtcd } from '../../../../host/etcd/group-commit.ts';
import { createMemoryEtcd, type MemoryEtcd } from '../../../support/memory-etcd.ts';
import { requestContext } from '../../../support/requests.ts';

let etcd: MemoryEtcd;
let items: Items;
beforeEach(() => {
  etcd = createMemoryEtcd();
  items = itemsOver(etcd);
});

/** Items with a connection to etcd that nothing else shares, as if they were on another node. */
const itemsOver = (client: EtcdClient, admit?: Admission, context = requestContext()): Items =>
  createEtcdItems(
    createEtcd({
      client: client,
      onGoneBack: (why) => {
        throw new Error(why);
      },
    }),
    admit,
  )(context);

const keyOf = (pk: string, sk = 'HEAD'): ItemKey => ({ pk, sk });
const itemAt = ({ pk, sk }: ItemKey, version: number, more: Item = {}): Item => ({
  ...{ pk: { S: pk }, sk: { S: sk }, version: { N: String(version) } },
  ...{ writeId: { S: `write-${version}` }, state: { S: 'stored' } },
  ...more,
});
const absent: Expected = { is: 'absent' };
const exactly = (version: number): Expected => ({
  ...{ is: 'version', version, writeId: `write-${version}`, state: 'stored' },
});
const put = (pk: string, version: number, expected: Expected, more: Item = {}): Guard => {
  const key = keyOf(pk);
  return { key, expected, put: itemAt(key, version, more) };
};
const check = (pk: string, expected: Expected): Guard => ({ key: keyOf(pk), expected });
const versionOf = (item: Item | undefined): number => Number(item?.['version']?.N);
const countCalls = async (work: () => Promise<unknown>): Promise<number> => {
  const before = etcd.calls.length;
  await work();
  return etcd.calls.length - before;
};

// Shows G5.
describe('a write to etcd', () => {
  it('has no effect on any item if one guard fails, and returns the stored item that failed it', async () => {
    await items.write([put('p', 1, absent)]);
    expect(await items.write([put('q', 1, absent), put('p', 2, absent)])).toEqual([
      { is: 'held' },
      { is: 'failed', item: itemAt(keyOf('p'), 1) },
    ]);
    expect(await items.get([keyOf('q')])).toEqual([undefined]);
  });

  // Shows G15.
  it('succeeds if the stored item permits it, even if an older local copy does not', async () => {
    await items.write([put('p', 1, absent)]);
    await itemsOver(etcd).write([put('p', 2, exactly(1))]);
    expect(await items.write([put('p', 3, exactly(2))])).toBe('written');
    await itemsOver(etcd).write([put('p', 4, exactly(3))]);
    expect(await items.write([put('q', 1, absent), check('p', exactly(4))])).toBe('written');
  });

  it('is refused by the stored item even if a missing or older local copy would permit it', async () => {
    await items.write([put('seen', 1, absent)]);
    await itemsOver(etcd).write([put('seen', 2, exactly(1))]);
    await itemsOver(etcd).write([put('unseen', 2, absent)]);
    expect(await items.write([put('seen', 3, exactly(1))])).toMatchObject([{ is: 'failed' }]);
    expect(await items.write([put('unseen', 3, absent)])).toMatchObject([{ is: 'failed' }]);
  });

  it('is refused if an item that it only checks has changed since it was read', async () => {
    await items.write([put('checked', 1, absent)]);
    await itemsOver(etcd).write([put('checked', 2, exactly(1))]);
    expect(await items.write([put('new', 1, absent), check('checked', exactly(1))])).toEqual([
      { is: 'held' },
      { is: 'failed', item: undefined },
    ]);
    expect(await items.get([keyOf('new')])).toEqual([undefined]);
  });

  it('is judged by items as they were at one moment', async () => {
    const names = ['p', 'q', 'r'];
    const writer = itemsOver(etcd);
    await writer.write(names.map((name) => put(name, 1, absent)));
    let version = 1;
    const changing = itemsOver({
      ...etcd,
      txn: async (request, deadline) => {
        const reply = await etcd.txn(request, deadline);
        version += 1;
        await writer.write(names.map((name) => put(name, version, exactly(version - 1))));
        return reply;
      },
    });
    // Makes the write keep a copy of this item. The copy contradicts the guess, so the write reads
    // all items.
    await changing.get([keyOf('q')]);
    const judged = await changing.write(names.map((name) => put(name, 9, absent)));
    const shown = judged === 'written' ? [] : judged;
    expect(
      new Set(shown.map((one) => (one.is === 'failed' ? versionOf(one.item) : one.is))).size,
    ).toBe(1);
  });

  it('takes one call to create an item, and one call to update an item that was read before', async () => {
    expect(await countCalls(() => items.write([put('p', 1, absent)]))).toBe(1);
    const other = itemsOver(etcd);
    expect(await countCalls(() => other.get([keyOf('p')]))).toBe(1);
    expect(await countCalls(() => other.write([put('p', 2, exactly(1))]))).toBe(1);
  });

  it('takes one call to refuse a create, because etcd returns the existing item instead of writing', async () => {
    await items.write([put('p', 1, absent)]);
    const other = itemsOver(etcd);
    expect(await countCalls(() => other.write([put('p', 2, absent)]))).toBe(1);
  });

  it('takes one call after a refusal, because the refusal returned the items', async () => {
    await items.write([put('p', 1, absent)]);
    await itemsOver(etcd).write([put('p', 2, exactly(1))]);
    await items.write([put('p', 3, exactly(1))]);
    expect(await countCalls(() => items.write([put('p', 3, exactly(2))]))).toBe(1);
  });

  it('does not change an item that it only checks, and a later write that checks it again still takes one call', async () => {
    await items.write([put('checked', 1, absent)]);
    const calls = await countCalls(async () => {
      for (const name of ['p', 'q']) {
        expect(await items.write([put(name, 1, absent), check('checked', exactly(1))])).toBe(
          'written',
        );
      }
    });
    expect(calls).toBe(2);
    expect((await items.get([keyOf('checked')])).map(versionOf)).toEqual([1]);
  });

  it('replaces the index entry of an item that it had not read before', async () => {
    const index = (tenant: string): Item => ({ tenant: { S: tenant }, name: { S: 'N' } });
    const expired: Expected = { is: 'expired', second: 9 };
    await itemsOver(etcd).write([put('p', 1, absent, { expiresAt: { N: '5' }, ...index('a') })]);
    expect(await items.write([put('p', 2, expired, index('b'))])).toBe('written');
    expect([...etcd.items().keys()].sort()).toEqual([
      'index/vault\0byTenant\0b\0N\0p\0HEAD',
      'item/vault\0p\0HEAD',
    ]);
  });

  it.each([
    ['succeeds if it has expired', '4', 'written'],
    ['is refused if it expires in this second', '5', [{ is: 'failed', item: expect.anything() }]],
  ])('that expects an expired record %s', async (_, expiresAt, expected) => {
    await items.write([put('p', 1, absent, { expiresAt: { N: expiresAt } })]);
    expect(await items.write([put('p', 2, { is: 'expired', second: 5 })])).toEqual(expected);
  });
});

describe('a read from etcd', () => {
  it.each([true, false])(
    'shows several items as of one revision (settled: %s)',
    async (settled) => {
      await items.write([put('p', 1, absent), put('q', 1, absent)]);
      const found = items.get([keyOf('p'), keyOf('none'), keyOf('q')], { settled });
      expect((await found).map((item) => item && versionOf(item))).toEqual([1, undefined, 1]);
      expect(etcd.calls.at(-1)).toMatchObject({ success: { length: 3 } });
    },
  );

  it('omits attributes that were not requested', async () => {
    await items.write([put('p', 1, absent)]);
    expect(await items.get([keyOf('p')], { attributes: ['pk', 'version'] })).toEqual([
      { pk: { S: 'p' }, version: { N: '1' } },
    ]);
  });

  it.each(['asc', 'desc'] as const)('returns a range in the order of bytes: %s', async (order) => {
    const sorted = ['a', 'a\u0001', 'ab', 'b', 'é', '\uffff', '\u{10000}'];
    for (const sk of sorted.toReversed()) {
      await items.write([
        { key: keyOf('p', sk), expected: absent, put: itemAt(keyOf('p', sk), 1) },
      ]);
    }
    const range = async (from: string, to: string, limit: number) =>
      (await items.range('p', { from, to, order, limit })).map(({ sk }) => sk?.S);
    const all = order === 'asc' ? sorted : sorted.toReversed();
    expect(await range('a', '\u{10000}', 10)).toEqual(all);
    expect(await range('a', '\u{10000}', 2)).toEqual(all.slice(0, 2));
    expect(await range('a\u0001', 'b', 10)).toEqual(
      all.filter((sk) => ['a\u0001', 'ab', 'b'].includes(sk)),
    );
    expect(await range('c', 'b', 10)).toEqual([]);
  });

  it('returns the names of the secrets of one tenant, and whether more may follow', async () => {
    for (const [tenant, name] of [
      ...['A', 'AB', 'AB_', 'ABC', 'B', 'a'].map((each) => ['t', each]),
      ...[
        ['t2', 'AX'],
        ['t#DELETED', 'AD'],
      ],
    ] as [string, string][]) {
      const more = { tenant: { S: tenant }, name: { S: name } };
      await items.write([put(`TENANT#${tenant}#SECRET#${name}`, 1, absent, more)]);
    }
    const names = (text: string, limit: number, after?: string, exact = false) =>
      items.names({ tenant: 't', state: 'stored' }, { text, exact, after }, limit);
    expect(await names('', 9)).toEqual({ names: ['A', 'AB', 'ABC', 'AB_', 'B', 'a'], more: false });
    expect(await names('AB', 2)).toEqual({ names: ['AB', 'ABC'], more: true });
    expect(await names('AB', 2, 'ABC')).toEqual({ names: ['AB_'], more: false });
    expect(await names('AB', 2, undefined, true)).toEqual({ names: ['AB'], more: false });
    expect(await names('AB', 2, 'AB', true)).toEqual({ names: [], more: false });
    expect(await names('AB', 1, undefined, true)).toEqual({ names: ['AB'], more: false });
    const deleted = { tenant: 't', state: 'deleted' } as const;
    expect(await items.names(deleted, { text: '', exact: false, after: undefined }, 9)).toEqual({
      names: ['AD'],
      more: false,
    });
  });

  it('calls etcd for every readiness probe', async () => {
    expect(await countCalls(() => items.probe())).toBe(1);
    expect(await countCalls(() => items.probe())).toBe(1);
    expect(await items.probe()).toEqual({ replicated: false });
  });

  it('is counted in the journal, like a write, with one unit for each started 4 KiB', async () => {
    const context = requestContext();
    const told = itemsOver(etcd, undefined, context);
    await told.write([put('p', 1, absent, { value: { B: Buffer.alloc(4_096) } })]);
    await told.get([keyOf('p')]);
    await told.get([keyOf('none')]);
    await told.range('p', { from: 'HEAD', to: 'HEAD', order: 'asc', limit: 1 });
    await told.names({ tenant: 't', state: 'stored' }, { text: '', exact: true, after: '' }, 1);
    await told.probe();
    const { storeCalls, readUnits, writeUnits } = context.journal;
    expect(storeCalls).toEqual(['Write', 'Get', 'Get', 'Range', 'Names', 'Probe']);
    expect([writeUnits(), readUnits()]).toEqual([2, 7]);
  });
});

describe('a call to etcd', () => {
  const failing = (details: string, code: number): EtcdClient => ({
    ...etcd,
    range: () => Promise.reject(Object.assign(new Error(details), { code, details })),
    txn: () => Promise.reject(Object.assign(new Error(details), { code, details })),
  });
  const faultOf = async (call: Promise<unknown>) => {
    const error = await call.then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    return error instanceof NotSent ? (error.cause as Error) : error;
  };
  /** A client that answers reads, but never a write. */
  const silent = (): EtcdClient => ({ ...etcd, txn: () => new Promise(() => undefined) });

  it.each([
    ['no leader', status.UNAVAILABLE, 'InternalServerError'],
    ['etcdserver: mvcc: database space exceeded', status.RESOURCE_EXHAUSTED, 'InternalServerError'],
    ['etcdserver: too many requests', status.RESOURCE_EXHAUSTED, 'NotServedException'],
    ['etcdserver: request is too large', status.INVALID_ARGUMENT, 'NotServedException'],
  ])('reports a write that failed with %j (code %i) as %s', async (details, code, name) => {
    const write = itemsOver(failing(details, code)).write([put('p', 1, absent)]);
    expect(await faultOf(write)).toMatchObject({ name });
    await expect(write).rejects.toBeInstanceOf(name === 'NotServedException' ? NotSent : Error);
  });

  it('reports a failed read as having no effect', async () => {
    const get = itemsOver(failing('no leader', status.UNAVAILABLE)).get([keyOf('p')]);
    await expect(get).rejects.toMatchObject({
      reason: 'unavailable',
      cause: { name: 'NotServedException', message: 'etcd does not answer' },
    });
  });

  it('is not sent if it is a write that the node does not admit, and the error says why', async () => {
    const admit: Admission = async (kind) => (kind === 'write' ? 'there is no space' : undefined);
    const guarded = itemsOver(etcd, admit);
    const calls = await countCalls(async () => {
      await expect(guarded.write([put('p', 1, absent)])).rejects.toMatchObject({
        reason: 'unavailable',
        cause: { name: 'NotServedException', message: 'there is no space' },
      });
    });
    expect(calls).toBe(0);
    expect(await guarded.get([keyOf('p')])).toEqual([undefined]);
  });

  it('reports a write that was not sent in time as having no effect', async () => {
    jest.useFakeTimers();
    try {
      const hung = itemsOver(silent(), undefined, requestContext({ clock: machineClock }));
      const names: Promise<string | undefined>[] = [];
      // The first eight writes go out alone and get no reply. After that, no more calls are sent.
      for (let n = 0; n < 9; n += 1) {
        names.push(faultOf(hung.write([put(`p${n}`, 1, absent)])).then((error) => error?.name));
        await jest.advanceTimersByTimeAsync(260);
      }
      await jest.advanceTimersByTimeAsync(2_500);
      expect(await Promise.all(names)).toEqual([
        ...Array(8).fill('AbortError'),
        'NotServedException',
      ]);
    } finally {
      jest.useRealTimers();
    }
  });

  it('is not sent if the write waited to be admitted until its time was over', async () => {
    jest.useFakeTimers();
    try {
      const admitted = Promise.withResolvers<undefined>();
      const late = itemsOver(etcd, () => admitted.promise, requestContext({ clock: machineClock }));
      const fault = faultOf(late.write([put('p', 1, absent)]));
      await jest.advanceTimersByTimeAsync(2_500);
      expect(await fault).toMatchObject({ name: 'AbortError' });
      admitted.resolve(undefined);
      await jest.advanceTimersByTimeAsync(1_000);
      expect(etcd.calls).toEqual([] satisfies Txn[]);
    } finally {
      jest.useRealTimers();
    }
  });
});
