import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { NotSent } from '../../../../functions/store/ports.ts';
import type { EtcdClient, RangeRequest, Txn } from '../../../../host/etcd/etcd-client.ts';
import { createEtcd, type Etcd } from '../../../../host/etcd/group-commit.ts';
import { createMemoryEtcd } from '../../../support/memory-etcd.ts';

const soon = () => performance.now() + 2_000;
const range = (key: string): RangeRequest => ({ key: Buffer.from(key) });

/**
 * A write that puts `value` at `key` if each compared key, by default only `key`, has this
 * revision.
 */
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

const groupOver = (etcd: EtcdClient) => {
  const goneBack: string[] = [];
  const group = createEtcd({
    client: etcd,
    onGoneBack: (sentence) => goneBack.push(sentence),
  });
  return { ...group, goneBack };
};

/**
 * A group over an etcd that holds each call back until the test lets it through. `more` replaces
 * some of the calls.
 */
const openGate = (more: (gated: EtcdClient) => Partial<EtcdClient> = () => ({})) => {
  const etcd = createMemoryEtcd();
  const waiting: { readonly request: RangeRequest | Txn; readonly open: () => void }[] = [];
  const pass = (request: RangeRequest | Txn) =>
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
  /** Lets the oldest call through. */
  const open = async (): Promise<void> => {
    waiting.shift()?.open();
    await settle();
  };
  return {
    ...groupOver({ ...gated, ...more(gated) }),
    etcd,
    waiting,
    settle,
    open,
    /** Lets all calls through. Returns the number of operations in each of them. */
    drain: async (): Promise<readonly number[]> => {
      const sizes: number[] = [];
      await settle();
      for (let [next] = waiting; next !== undefined; [next] = waiting) {
        sizes.push('success' in next.request ? next.request.success.length : 1);
        await open();
      }
      return sizes;
    },
  };
};

describe('a group of writes', () => {
  it('sends a write at once if no call is in flight, and the waiting writes together after that call', async () => {
    const { write, waiting, settle, drain, etcd } = openGate();
    const all = ['a', 'b', 'c'].map((key) => write(put(key, 'x'), soon()));
    await settle();
    expect(waiting).toHaveLength(1);
    expect(await drain()).toEqual([1, 2]);
    expect((await Promise.all(all)).map(({ succeeded }) => succeeded)).toEqual([true, true, true]);
    expect([...etcd.items().keys()]).toEqual(['a', 'b', 'c']);
  });

  it('gives each write its own reply, even if another write of the group is refused', async () => {
    const { write, drain, etcd } = openGate();
    const revisions = ['0', '0', '99'];
    const all = ['a', 'b', 'c'].map((key, n) => write(put(key, 'x', revisions[n]), soon()));
    await drain();
    const replies = await Promise.all(all);
    expect(replies.map(({ succeeded }) => succeeded)).toEqual([true, true, false]);
    expect(replies[2]?.responses[0]?.response_range?.kvs).toEqual([]);
    expect(etcd.items().has('c')).toBe(false);
  });

  it.each([
    ['writes a key that an earlier write of the group writes', put('b', '2')],
    ['writes a key that an earlier write of the group compares', put('d', '2')],
    ['compares a key that an earlier write of the group writes', put('e', '2', '0', ['e', 'b'])],
  ])('leaves a write for a later call if it %s', async (_, clashing) => {
    const { write, drain } = openGate();
    const writes = [put('a', '1'), put('b', '1', '0', ['b', 'd']), clashing, put('z', '1')];
    const all = writes.map((one) => write(one, soon()));
    // The last write joins the second call, and the clashing write goes alone in the third.
    expect(await drain()).toEqual([1, 2, 1]);
    await Promise.all(all);
  });

  it('sends writes together that only compare the same key', async () => {
    const { write, drain } = openGate();
    const all = ['a', 'b', 'c'].map((key) => write(put(key, '1', '0', [key, 'x']), soon()));
    expect(await drain()).toEqual([1, 2]);
    await Promise.all(all);
  });

  it('keeps the order in which writes of one key arrived', async () => {
    const { write, drain, etcd } = openGate();
    const writes = [put('a', '1'), put('b', 'first'), put('b', '2nd', '3'), put('b', 'third', '4')];
    const all = writes.map((one) => write(one, soon()));
    await drain();
    const replies = await Promise.all(all);
    expect(replies.every(({ succeeded }) => succeeded)).toBe(true);
    expect(etcd.items().get('b')).toBe('third');
  });

  it('sends no write before an earlier waiting write of the same key', async () => {
    const { write, drain, etcd } = openGate();
    // The third write waits for the second, and the last one waits for the third.
    const waits = put('c', 'early', '0', ['b', 'c']);
    const all = [put('a', '1'), put('b', '1'), waits, put('c', 'late')].map((one) =>
      write(one, soon()),
    );
    await drain();
    await Promise.all(all);
    const sent = etcd.calls.flatMap((call) => ('compare' in call ? call.compare : []));
    expect(sent.map(({ key }) => key.toString())).toEqual(['a', 'b', 'b', 'c', 'c']);
  });

  it('contains at most a thousand writes', async () => {
    const { write, drain } = openGate();
    const all = Array.from({ length: 1_002 }, (_, n) => write(put(`k${n}`, ''), soon()));
    expect(await drain()).toEqual([1, 1_000, 1]);
    await Promise.all(all);
  });

  it('contains at most 1 MiB, or one larger write alone', async () => {
    const { write, drain } = openGate();
    const half = 'x'.repeat(600_000);
    const values = ['1', half, half, half + half];
    const all = values.map((value, n) => write(put(`k${n}`, value), soon()));
    expect(await drain()).toEqual([1, 1, 1, 1]);
    await Promise.all(all);
  });

  it('is sent again as single writes if etcd refuses it, so one malformed write does not fail the others', async () => {
    const { write, drain, etcd } = openGate();
    const bad = put('bad', 'x');
    const first = write(put('a', '1'), soon());
    const twice = { ...bad, success: [...bad.success, ...bad.success] };
    const refused = write(twice, soon()).catch((error: unknown) => error);
    const good = write(put('c', '1'), soon());
    await drain();
    expect([(await first).succeeded, (await good).succeeded]).toEqual([true, true]);
    expect(await refused).toBeInstanceOf(NotSent);
    expect([...etcd.items().keys()]).toEqual(['a', 'c']);
  });

  it('is sent after 250 ms if an earlier call hangs, with at most eight calls in flight', async () => {
    const { write, waiting, drain } = openGate();
    const all = [];
    for (let index = 0; index < 10; index += 1) {
      all.push(write(put(`k${index}`, 'x'), performance.now() + 60_000));
      await sleep(300);
    }
    expect(waiting).toHaveLength(8);
    await drain();
    await Promise.all(all);
  });

  it('is sent one call at a time again once all earlier calls have ended, even if one of them hung', async () => {
    const { write, waiting, open, drain } = openGate();
    const send = (...keys: readonly string[]) => keys.map((key) => write(put(key, '1'), soon()));
    const [quick] = send('a');
    await open();
    await quick;
    await sleep(300);
    const hanging = send('b', 'c');
    expect(waiting).toHaveLength(1);
    await sleep(300);
    expect(waiting).toHaveLength(2);
    await drain();
    await Promise.all(hanging);
    // Once requests have overlapped, a write waits a moment for others to join it.
    await sleep(50);
    const last = send('d', 'e');
    expect(waiting).toHaveLength(1);
    await drain();
    await Promise.all(last);
  });
});

describe('a group of requests', () => {
  it('returns the reply of etcd for a write that was sent, even if it arrives after the deadline of the write', async () => {
    const { write, open } = openGate();
    const written = write(put('a', '1'), performance.now() + 20);
    await sleep(50);
    await open();
    expect((await written).succeeded).toBe(true);
  });

  it.each<[string, (group: Etcd, key: string) => Promise<unknown>]>([
    ['reads', ({ read }, key) => read([range(key)], soon())],
    ['writes', ({ write }, key) => write(put(key, '1'), soon())],
  ])('rejects every request if its call fails: %s', async (_, send) => {
    const fail = () => Promise.reject(new Error('no leader'));
    const group = groupOver({ ...createMemoryEtcd(), range: fail, txn: fail });
    // The first request goes alone, and the other two go together.
    const errors: string[] = [];
    for (const key of ['a', 'b', 'c']) {
      void send(group, key).catch((error: unknown) => errors.push(String(error)));
    }
    await sleep(5);
    expect(errors).toEqual(Array(3).fill('Error: no leader'));
  });

  it('gives a call the latest deadline of its requests', async () => {
    const deadlines: number[] = [];
    const { write, drain } = openGate((gated) => ({
      txn: (request, deadline) => {
        deadlines.push(deadline);
        return gated.txn(request, deadline);
      },
    }));
    const [near, far] = [performance.now() + 5_000, performance.now() + 60_000];
    const all = [near, near, far, near].map((deadline, n) => write(put(`k${n}`, '1'), deadline));
    await drain();
    await Promise.all(all);
    expect(deadlines).toEqual([near, far]);
  });

  it('rejects a write that was not sent by its deadline as having no effect', async () => {
    const { write, open, waiting, etcd } = openGate();
    const first = write(put('a', '1'), soon());
    const late = write(put('b', '1'), performance.now() + 20);
    await expect(late).rejects.toBeInstanceOf(NotSent);
    await open();
    await first;
    expect(waiting).toHaveLength(0);
    expect([...etcd.items().keys()]).toEqual(['a']);
  });

  it.each([
    [status.INVALID_ARGUMENT, 'etcdserver: duplicate key given in txn request', true],
    [status.RESOURCE_EXHAUSTED, 'etcdserver: too many requests', true],
    [status.RESOURCE_EXHAUSTED, 'etcdserver: mvcc: database space exceeded', false],
    [status.UNAVAILABLE, 'etcdserver: leader changed', false],
    [status.UNAVAILABLE, 'proxy: too many requests', false],
    [status.DEADLINE_EXCEEDED, 'Deadline exceeded', false],
  ])(
    'is sure that a write had no effect if etcd answers it with code %i (%s): %s',
    async (code, details, expected) => {
      const failing: EtcdClient = {
        ...createMemoryEtcd(),
        txn: () => Promise.reject(Object.assign(new Error(details), { code, details })),
      };
      const error = await groupOver(failing)
        .write(put('a', '1'), soon())
        .catch((caught: unknown) => caught);
      expect(error instanceof NotSent).toBe(expected);
    },
  );
});

describe('a group of reads', () => {
  it('sends a read at once if no call is in flight, and the waiting reads together after that call', async () => {
    const { read, drain } = openGate();
    const all = ['a', 'b', 'c', 'd', 'e'].map((key) => read([range(key)], soon()));
    expect(await drain()).toEqual([1, 4]);
    expect((await Promise.all(all)).map((replies) => replies.length)).toEqual([1, 1, 1, 1, 1]);
  });

  it('returns everything that was written before the read arrived, even if a call is in flight', async () => {
    const etcd = createMemoryEtcd();
    const replies: (() => void)[] = [];
    const group = groupOver({
      ...etcd,
      // The call takes effect at once, but its reply comes later.
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

  it('does not include a read of a page, which is sent alone', async () => {
    const { read, drain } = openGate();
    const page: RangeRequest = { key: Buffer.from('a'), range_end: Buffer.from('b'), limit: 128 };
    const asked = [[range('a')], [page], [range('b')], [range('c')], [page]];
    const all = asked.map((ranges) => read(ranges, soon()));
    expect(await drain()).toEqual([1, 1, 2, 1]);
    await Promise.all(all);
  });

  it('reads at most a hundred keys in one call', async () => {
    const { read, drain } = openGate();
    const sixty = Array.from({ length: 60 }, (_, index) => range(`k${index}`));
    const all = [1, 2, 3, 4].map(() => read(sixty, soon()));
    expect(await drain()).toEqual([60, 60, 60, 60]);
    await Promise.all(all);
  });

  it('is sent after 250 ms if an earlier call hangs', async () => {
    const { read, waiting, drain } = openGate();
    const all = ['a', 'b'].map((key) => read([range(key)], soon()));
    await sleep(400);
    expect(waiting).toHaveLength(2);
    await drain();
    await Promise.all(all);
  });
});

describe('the check of a reply', () => {
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
    'rejects and reports a revision below the one known when the call was sent: %s',
    async (_, send) => {
      const group = groupOver(
        answering({ cluster_id: '1', revision: '9' }, { cluster_id: '1', revision: '8' }),
      );
      await group.read([range('a')], soon());
      await expect(send(group)).rejects.toThrow('below 9');
      expect(group.goneBack).toHaveLength(1);
    },
  );

  it('rejects and reports a reply from another cluster', async () => {
    const group = groupOver(
      answering({ cluster_id: '1', revision: '9' }, { cluster_id: '2', revision: '10' }),
    );
    await group.read([range('a')], soon());
    await expect(group.read([range('a')], soon())).rejects.toThrow('cluster 2');
    expect(group.goneBack).toHaveLength(1);
  });

  it('accepts a lower revision if the reply was overtaken, but not if the call was sent later', async () => {
    const answers = answering(
      { cluster_id: '1', revision: '9' },
      { cluster_id: '1', revision: '5' },
      { cluster_id: '1', revision: '8' },
    );
    const { read, write, waiting, drain, goneBack } = openGate((gated) => ({
      range: async (...call) => {
        await gated.range(...call);
        return await answers.range(...call);
      },
      txn: async (...call) => {
        await gated.txn(...call);
        return await answers.txn(...call);
      },
    }));
    const both = [read([range('a')], soon()), write(put('b', '1'), soon())];
    expect(waiting).toHaveLength(2);
    // Answers the write before the read, although the read was sent first.
    waiting.reverse();
    await drain();
    await Promise.all(both);
    expect(goneBack).toEqual([]);
    const later = read([range('a')], soon()).catch(String);
    await drain();
    expect(await later).toContain('below 9');
  });
});
