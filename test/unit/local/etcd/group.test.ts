import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import type { EtcdClient, Range, Txn } from '../../../../local/etcd/client.ts';
import { createEtcd, type Etcd } from '../../../../local/etcd/etcd.ts';
import { isNotSent } from '../../../../local/etcd/queue.ts';
import { createMemoryEtcd } from '../../../support/memory-etcd.ts';

const soon = () => performance.now() + 2_000;
const range = (key: string): Range => ({ key: Buffer.from(key) });

/** Puts `value` at `key` if what is stored there has this revision. */
const put = (
  key: string,
  value: string,
  revision = '0',
  compared: readonly string[] = [key],
): Txn => ({
  compare: compared.map((each) => ({
    target: 'MOD',
    result: 'EQUAL',
    key: Buffer.from(each),
    mod_revision: revision,
  })),
  success: [{ request_put: { key: Buffer.from(key), value: Buffer.from(value) } }],
  failure: [{ request_range: range(key) }],
});

/** An etcd whose calls wait until they are let through, one by one. */
const createGate = () => {
  const etcd = createMemoryEtcd();
  const waiting: { readonly request: Range | Txn; readonly open: () => void }[] = [];
  const pass = (request: Range | Txn) =>
    new Promise<void>((resolve) => waiting.push({ request, open: resolve }));
  const gated: EtcdClient = {
    ...etcd,
    range: async (request, deadline) => {
      await pass(request);
      return await etcd.range(request, deadline);
    },
    txn: async (request, deadline) => {
      await pass(request);
      return await etcd.txn(request, deadline);
    },
  };
  const settle = () => sleep(5);
  return {
    etcd,
    gated,
    waiting,
    settle,
    /** Lets the oldest call through. */
    open: async () => {
      waiting.shift()?.open();
      await settle();
    },
  };
};

const groupOver = (etcd: EtcdClient) => {
  const goneBack: string[] = [];
  const group = createEtcd(etcd, (sentence) => goneBack.push(sentence));
  return { ...group, goneBack };
};

const nestedIn = (request: Range | Txn | undefined): number =>
  request !== undefined && 'success' in request
    ? request.success.filter((operation) => 'request_txn' in operation).length
    : 0;

describe('a group of writes', () => {
  it('sends a write at once if no call is in flight, and the waiting writes together after that call', async () => {
    const gate = createGate();
    const group = groupOver(gate.gated);
    const all = ['a', 'b', 'c'].map((key) => group.write(put(key, 'x'), soon()));
    await gate.settle();
    expect(gate.waiting).toHaveLength(1);
    await gate.open();
    expect(gate.waiting).toHaveLength(1);
    expect(nestedIn(gate.waiting[0]?.request)).toBe(2);
    await gate.open();
    expect((await Promise.all(all)).map(({ succeeded }) => succeeded)).toEqual([true, true, true]);
    expect([...gate.etcd.items().keys()]).toEqual(['a', 'b', 'c']);
  });

  it('gives each write its own reply, also if another write of the group is refused', async () => {
    const gate = createGate();
    const group = groupOver(gate.gated);
    const first = group.write(put('a', 'first'), soon());
    const second = group.write(put('b', 'second'), soon());
    const late = group.write(put('c', 'late', '99'), soon());
    await gate.settle();
    await gate.open();
    await gate.open();
    expect((await first).succeeded).toBe(true);
    expect((await second).succeeded).toBe(true);
    const refused = await late;
    expect(refused.succeeded).toBe(false);
    expect(refused.responses[0]?.response_range?.kvs).toEqual([]);
    expect(gate.etcd.items().has('c')).toBe(false);
  });

  it.each([
    ['writes a key that another writes', put('b', '2', '0', [])],
    ['writes a key that another compares', put('d', '2', '0', [])],
    ['compares a key that another writes', put('e', '2', '0', ['b'])],
  ])('sends a write that %s in the next call', async (_, clashing) => {
    const gate = createGate();
    const group = groupOver(gate.gated);
    const all = [
      group.write(put('a', '1'), soon()),
      group.write(put('b', '1', '0', ['d']), soon()),
      group.write(clashing, soon()),
      group.write(put('z', '1'), soon()),
    ];
    await gate.settle();
    await gate.open();
    expect(nestedIn(gate.waiting[0]?.request)).toBe(2);
    await gate.open();
    expect(gate.waiting).toHaveLength(1);
    expect(nestedIn(gate.waiting[0]?.request)).toBe(0);
    await gate.open();
    await Promise.all(all);
  });

  it('puts writes together that only compare the same key', async () => {
    const gate = createGate();
    const group = groupOver(gate.gated);
    const all = ['a', 'b', 'c'].map((key) => group.write(put(key, '1', '0', [key, 'x']), soon()));
    await gate.settle();
    await gate.open();
    expect(nestedIn(gate.waiting[0]?.request)).toBe(2);
    await gate.open();
    await Promise.all(all);
  });

  it('keeps the order in which writes of one key arrived', async () => {
    const gate = createGate();
    const group = groupOver(gate.gated);
    const all = [
      group.write(put('a', '1'), soon()),
      group.write(put('b', 'first'), soon()),
      group.write(put('b', 'second', '3', ['b']), soon()),
      group.write(put('b', 'third', '4', ['b']), soon()),
    ];
    await gate.settle();
    for (let call = 0; call < 4; call += 1) await gate.open();
    expect((await Promise.all(all)).map(({ succeeded }) => succeeded)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(gate.etcd.items().get('b')).toBe('third');
  });

  it('sends no write before an earlier one of the same key that still waits', async () => {
    const gate = createGate();
    const group = groupOver(gate.gated);
    const all = [
      group.write(put('a', '1'), soon()),
      group.write(put('b', '1'), soon()),
      // This write waits for the one before it, and the last one waits for this write.
      group.write(put('c', 'early', '0', ['b', 'c']), soon()),
      group.write(put('c', 'late'), soon()),
    ];
    await gate.settle();
    for (let call = 0; call < 4; call += 1) await gate.open();
    await Promise.all(all);
    const sent = gate.etcd.calls.flatMap((call) => ('compare' in call ? call.compare : []));
    expect(sent.map(({ key }) => key.toString())).toEqual(['a', 'b', 'b', 'c', 'c']);
  });

  it('sends at most a thousand writes together', async () => {
    const gate = createGate();
    const group = groupOver(gate.gated);
    const all = Array.from({ length: 1_002 }, (_, n) => group.write(put(`k${n}`, ''), soon()));
    await gate.settle();
    await gate.open();
    expect(nestedIn(gate.waiting[0]?.request)).toBe(1_000);
    await gate.open();
    await gate.open();
    await Promise.all(all);
  });

  it('sends at most 1 MiB together, and a larger write alone', async () => {
    const gate = createGate();
    const group = groupOver(gate.gated);
    const half = 'x'.repeat(600_000);
    const all = [
      group.write(put('a', '1'), soon()),
      group.write(put('b', half), soon()),
      group.write(put('c', half), soon()),
      group.write(put('d', half + half), soon()),
    ];
    await gate.settle();
    for (let call = 0; call < 4; call += 1) {
      expect(gate.waiting).toHaveLength(1);
      expect(nestedIn(gate.waiting[0]?.request)).toBe(0);
      await gate.open();
    }
    await Promise.all(all);
  });

  it('sends each write alone if etcd refuses the group, so that one malformed write refuses no other', async () => {
    const etcd = createMemoryEtcd();
    const bad = put('bad', 'x');
    const twice = { ...bad, success: [...bad.success, ...bad.success] };
    const gate = createGate();
    const group = groupOver({
      ...gate.gated,
      txn: async (request, deadline) => {
        await gate.gated.range(range('pause'), deadline);
        return await etcd.txn(request, deadline);
      },
    });
    const first = group.write(put('a', '1'), soon());
    const refused = group.write(twice, soon()).catch((error: unknown) => error);
    const good = group.write(put('c', '1'), soon());
    await gate.settle();
    for (let call = 0; call < 4; call += 1) await gate.open();
    expect((await first).succeeded).toBe(true);
    expect((await good).succeeded).toBe(true);
    expect(isNotSent(await refused)).toBe(true);
    expect([...etcd.items().keys()]).toEqual(['a', 'c']);
  });

  it('sends the next group after 250 ms if a call hangs, with at most eight calls in flight', async () => {
    const gate = createGate();
    const group = groupOver(gate.gated);
    const all = [];
    for (let index = 0; index < 10; index += 1) {
      all.push(group.write(put(`k${index}`, 'x'), performance.now() + 60_000));
      await sleep(300);
    }
    expect(gate.waiting).toHaveLength(8);
    while (gate.waiting.length > 0) await gate.open();
    await Promise.all(all);
  });

  it('has one call in flight after all earlier calls have ended, also if one had hung', async () => {
    const gate = createGate();
    const group = groupOver(gate.gated);
    const quick = group.write(put('a', '1'), soon());
    await gate.open();
    await quick;
    await sleep(300);
    const hanging = ['b', 'c'].map((key) => group.write(put(key, '1'), soon()));
    expect(gate.waiting).toHaveLength(1);
    await sleep(300);
    expect(gate.waiting).toHaveLength(2);
    while (gate.waiting.length > 0) await gate.open();
    await Promise.all(hanging);
    // After requests that overlapped, a write waits a moment for company.
    await sleep(50);
    const last = ['d', 'e'].map((key) => group.write(put(key, '1'), soon()));
    expect(gate.waiting).toHaveLength(1);
    while (gate.waiting.length > 0) await gate.open();
    await Promise.all(last);
  });
});

describe('a group', () => {
  it('gives a write in flight the reply of etcd, also after its deadline', async () => {
    const gate = createGate();
    const group = groupOver(gate.gated);
    const write = group.write(put('a', '1'), performance.now() + 20);
    await sleep(50);
    await gate.open();
    expect((await write).succeeded).toBe(true);
  });

  it.each<[string, (group: Etcd, key: string) => Promise<unknown>]>([
    ['reads', ({ read }, key) => read([range(key)], soon())],
    ['writes', ({ write }, key) => write(put(key, '1'), soon())],
  ])('rejects every request of a call that fails: %s', async (_, send) => {
    const fail = () => Promise.reject(new Error('no leader'));
    const group = groupOver({ ...createMemoryEtcd(), range: fail, txn: fail });
    // The first request goes alone, and the two others go together.
    const errors: string[] = [];
    for (const key of ['a', 'b', 'c']) {
      void send(group, key).catch((error: unknown) => errors.push(String(error)));
    }
    await sleep(5);
    expect(errors).toEqual(Array(3).fill('Error: no leader'));
  });

  it('gives a call the latest deadline of its requests', async () => {
    const deadlines: number[] = [];
    const gate = createGate();
    const group = groupOver({
      ...gate.gated,
      txn: (request, deadline) => {
        deadlines.push(deadline);
        return gate.gated.txn(request, deadline);
      },
    });
    const [near, far] = [performance.now() + 5_000, performance.now() + 60_000];
    const writes = [near, near, far, near].map((deadline, n) =>
      group.write(put(`k${n}`, '1'), deadline),
    );
    await gate.open();
    await gate.open();
    await Promise.all(writes);
    expect(deadlines).toEqual([near, far]);
  });

  it('rejects a write as without effect if it is not sent by its deadline', async () => {
    const gate = createGate();
    const group = groupOver(gate.gated);
    const first = group.write(put('a', '1'), soon());
    const error = await group
      .write(put('b', '1'), performance.now() + 20)
      .catch((caught: unknown) => caught);
    expect(isNotSent(error)).toBe(true);
    await gate.open();
    await first;
    await gate.settle();
    expect(gate.waiting).toHaveLength(0);
    expect([...gate.etcd.items().keys()]).toEqual(['a']);
  });

  it.each([
    [status.INVALID_ARGUMENT, 'etcdserver: duplicate key given in txn request', true],
    [status.RESOURCE_EXHAUSTED, 'etcdserver: too many requests', true],
    [status.RESOURCE_EXHAUSTED, 'etcdserver: mvcc: database space exceeded', false],
    [status.UNAVAILABLE, 'etcdserver: leader changed', false],
    [status.UNAVAILABLE, 'proxy: too many requests', false],
    [status.DEADLINE_EXCEEDED, 'Deadline exceeded', false],
  ])(
    'takes a write that etcd answers with code %i (%s) as without effect: %s',
    async (code, details, expected) => {
      const failing: EtcdClient = {
        ...createMemoryEtcd(),
        txn: () => Promise.reject(Object.assign(new Error(details), { code, details })),
      };
      const error = await groupOver(failing)
        .write(put('a', '1'), soon())
        .catch((caught: unknown) => caught);
      expect(isNotSent(error)).toBe(expected);
    },
  );
});

describe('a group of reads', () => {
  it('sends a read at once if no call is in flight, and the waiting reads together after that call', async () => {
    const gate = createGate();
    const group = groupOver(gate.gated);
    const all = ['a', 'b', 'c', 'd', 'e'].map((key) => group.read([range(key)], soon()));
    await gate.settle();
    expect(gate.waiting).toHaveLength(1);
    await gate.open();
    const second = gate.waiting[0]?.request;
    expect(second !== undefined && 'success' in second && second.success).toHaveLength(4);
    await gate.open();
    expect((await Promise.all(all)).map((replies) => replies.length)).toEqual([1, 1, 1, 1, 1]);
  });

  it('shows a read everything that was written before it arrived, also if a call is in flight', async () => {
    const etcd = createMemoryEtcd();
    const replies: (() => void)[] = [];
    const group = groupOver({
      ...etcd,
      // The call has its effect at once, and its reply comes later.
      range: async (request, deadline) => {
        const reply = await etcd.range(request, deadline);
        await new Promise<void>((resolve) => replies.push(resolve));
        return reply;
      },
    });
    const early = group.read([range('a')], soon());
    await sleep(5);
    await etcd.txn(put('a', 'new'), soon());
    const late = group.read([range('a')], soon());
    for (let call = 0; call < 2; call += 1) {
      replies.shift()?.();
      await sleep(5);
    }
    expect((await early)[0]?.kvs).toEqual([]);
    expect((await late)[0]?.kvs[0]?.value.toString()).toBe('new');
  });

  it('sends a page alone', async () => {
    const gate = createGate();
    const group = groupOver(gate.gated);
    const page: Range = { key: Buffer.from('a'), range_end: Buffer.from('b'), limit: 128 };
    const all = [[range('a')], [page], [range('b')], [range('c')], [page]].map((ranges) =>
      group.read(ranges, soon()),
    );
    await gate.settle();
    const sizes: number[] = [];
    while (gate.waiting.length > 0) {
      const [next] = gate.waiting;
      sizes.push(next !== undefined && 'success' in next.request ? next.request.success.length : 1);
      await gate.open();
    }
    expect(sizes).toEqual([1, 1, 2, 1]);
    await Promise.all(all);
  });

  it('reads at most a hundred keys in one call', async () => {
    const gate = createGate();
    const group = groupOver(gate.gated);
    const sixty = Array.from({ length: 60 }, (_, index) => range(`k${index}`));
    const all = [1, 2, 3, 4].map(() => group.read(sixty, soon()));
    await gate.settle();
    for (let call = 0; call < 4; call += 1) {
      const [next] = gate.waiting;
      expect(next && 'success' in next.request && next.request.success).toHaveLength(60);
      await gate.open();
    }
    await Promise.all(all);
  });

  it('sends the next reads after 250 ms if a call hangs', async () => {
    const gate = createGate();
    const group = groupOver(gate.gated);
    const all = [group.read([range('a')], soon()), group.read([range('b')], soon())];
    await sleep(400);
    expect(gate.waiting).toHaveLength(2);
    while (gate.waiting.length > 0) await gate.open();
    await Promise.all(all);
  });
});

describe('a group that gets a reply', () => {
  const answering = (...headers: { cluster_id: string; revision: string }[]): EtcdClient => ({
    ...createMemoryEtcd(),
    range: async () => ({ header: headers.shift() ?? null, kvs: [], more: false }),
    txn: async () => ({ header: headers.shift() ?? null, succeeded: true, responses: [] }),
  });

  it.each<[string, (group: Etcd) => Promise<unknown>]>([
    ['a read', ({ read }) => read([range('a')], soon())],
    ['a read of two keys', ({ read }) => read([range('a'), range('b')], soon())],
    ['a write', ({ write }) => write(put('a', '1'), soon())],
  ])(
    'rejects and reports a revision below one known when the call was sent: %s',
    async (_, send) => {
      const group = groupOver(
        answering({ cluster_id: '1', revision: '9' }, { cluster_id: '1', revision: '8' }),
      );
      await group.read([range('a')], soon());
      await expect(send(group)).rejects.toThrow('below 9');
      expect(group.goneBack).toHaveLength(1);
    },
  );

  it('rejects and reports a reply of another cluster', async () => {
    const group = groupOver(
      answering({ cluster_id: '1', revision: '9' }, { cluster_id: '2', revision: '10' }),
    );
    await group.read([range('a')], soon());
    await expect(group.read([range('a')], soon())).rejects.toThrow('cluster 2');
    expect(group.goneBack).toHaveLength(1);
  });

  it('accepts a revision below one that became known only after the call was sent', async () => {
    const gate = createGate();
    const answers = answering(
      { cluster_id: '1', revision: '9' },
      { cluster_id: '1', revision: '5' },
    );
    const group = groupOver({
      ...gate.gated,
      range: async (request, deadline) => {
        await gate.gated.range(request, deadline);
        return await answers.range(request, deadline);
      },
      txn: async (request, deadline) => {
        await gate.gated.txn(request, deadline);
        return await answers.txn(request, deadline);
      },
    });
    const both = [group.read([range('a')], soon()), group.write(put('b', '1'), soon())];
    expect(gate.waiting).toHaveLength(2);
    // The write is answered before the read that was sent first.
    gate.waiting.reverse();
    await gate.open();
    await gate.open();
    await Promise.all(both);
    expect(group.goneBack).toEqual([]);
  });
});
