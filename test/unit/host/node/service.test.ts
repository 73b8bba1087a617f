import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { MemberStatus } from '../../../../host/etcd/member-client.ts';
import { type Comparison, readLatest } from '../../../../host/node/comparing.ts';
import type { Verdict } from '../../../../host/node/report.ts';
import { createNodeState } from '../../../../host/node/state.ts';
import { watchEtcd } from '../../../../host/node/watching.ts';
import { memberCallsOf, memberStatus } from '../../../support/nodes.ts';
import { until } from '../../../support/until.ts';

const comparisonOf = (...verdicts: readonly Verdict[]): Comparison => ({
  read: { revision: 9, committed: { own: 9, others: new Map() } },
  own: { revision: 9, compactRevision: 0, hash: 1, etcd: '3.4.23' },
  verdicts: new Map(verdicts.map((verdict, index) => [index + 2, verdict])),
});
const equal = comparisonOf('equal', 'none');
const different = comparisonOf('different', 'different');
const none = comparisonOf('none', 'none');
const behind = comparisonOf('ahead', 'none');

const healthy = memberStatus;

let stop: AbortController;
/** By how many milliseconds the clock of the watch is ahead of the real one. */
let laterMs: number;
beforeEach(() => {
  stop = new AbortController();
  laterMs = 0;
  const now = performance.now.bind(performance);
  jest.spyOn(performance, 'now').mockImplementation(() => now() + laterMs);
});
afterEach(() => {
  stop.abort();
  jest.restoreAllMocks();
});

/**
 * `readsAt` is the revision that linearizable reads of this etcd return. It defaults to the
 * revision in `status`.
 */
type Etcd = { status: MemberStatus | undefined; reads: boolean; readsAt?: number };

/**
 * Node 1 with an etcd that the test controls. `compare` returns the comparison that the test gave
 * last.
 */
const start = (
  first: Comparison | Promise<Comparison>,
  compareEveryMs?: number,
  etcd: Etcd = { status: healthy, reads: true },
) => {
  const lines: string[] = [];
  const served: string[] = [];
  const state = createNodeState(1, (line) => void lines.push(line));
  const given = { comparison: first };
  const counts = { looks: 0, comparisons: 0, transfers: 0 };
  const away = (): Promise<never> => Promise.reject(new Error('etcd is away'));
  state.change('catching-up', 'it waits for a majority of the nodes');
  let known = 0;
  /** The revision that each other node has reported, by the number of the node. */
  const others = new Map<number, number>();
  const answerRead = async () => {
    const revision = String(etcd.readsAt ?? etcd.status?.revision ?? 0);
    return etcd.reads ? { header: { cluster_id: '1', revision }, kvs: [], more: false } : away();
  };
  const watch = watchEtcd({
    learn: (revision) => {
      known = Math.max(known, revision);
    },
    measureSpace: () => ({
      ...{ dbBytes: 1, dbBytesInUse: 1, quotaBytes: 1, diskFreeBytes: 1, memoryBytes: null },
    }),
    member: memberCallsOf({
      status: async () => {
        counts.looks += 1;
        return etcd.status ?? away();
      },
    }),
    read: () => readLatest({ range: answerRead }, () => ({ own: known, others })),
    state,
    compare: async () => {
      counts.comparisons += 1;
      return await given.comparison;
    },
    transferLeadership: async () => {
      counts.transfers += 1;
    },
    compareEveryMs,
    onServing: ({ version }) => void served.push(version),
  });
  void watch.run(stop.signal);
  const isIn = (word: string) => until(() => state.state() === word);
  const look = async (count: number): Promise<void> => {
    const enough = counts.looks + count;
    await until(() => counts.looks >= enough);
  };
  return { lines, served, state, etcd, given, counts, watch, others, isIn, look };
};

describe('a node whose etcd has started', () => {
  it('serves only after a comparison has found its copy equal to a majority', async () => {
    const waiting = Promise.withResolvers<Comparison>();
    const { state, served, watch, counts, isIn } = start(waiting.promise);
    await until(() => counts.comparisons === 1);
    expect([state.state(), watch.comparedAt()]).toEqual(['catching-up', undefined]);
    expect(served).toEqual([]);
    waiting.resolve(equal);
    await isIn('serving');
    expect(served).toEqual([healthy.version]);
    expect(watch.comparedAt()).toBeInstanceOf(Date);
    expect(watch.status()).toEqual(healthy);
  });

  it('does not serve while too few nodes can be compared, and compares again later', async () => {
    // Time passes only when the test says so, however long `look` takes.
    const frozenMs = performance.now();
    jest.spyOn(performance, 'now').mockImplementation(() => frozenMs + laterMs);
    const { state, given, counts, isIn, look } = start(none);
    await look(2);
    laterMs += 1_900;
    await look(2);
    expect([state.state(), counts.comparisons]).toEqual(['catching-up', 1]);
    given.comparison = equal;
    laterMs += 100;
    await isIn('serving');
    expect(counts.comparisons).toBe(2);
  });

  it.each<[string, Etcd]>([
    ['etcd gives no answer', { status: undefined, reads: true }],
    ['etcd knows no leader', { status: { ...healthy, hasLeader: false }, reads: true }],
    ['no linearizable read is answered', { status: healthy, reads: false }],
  ])('neither compares nor serves while %s', async (_, etcd) => {
    const { state, counts, isIn, look } = start(equal, 1, etcd);
    await look(3);
    expect([state.state(), counts.comparisons]).toEqual(['catching-up', 0]);
    Object.assign(etcd, { status: healthy, reads: true });
    await isIn('serving');
  });

  it('stays out of service if its copy differs from those of the other nodes', async () => {
    const { lines, isIn } = start(different);
    await isIn('diverged');
    expect(lines.at(-1)).toBe(
      'node 1 is diverged: its data at revision 9 differ from those of node 2 and node 3',
    );
    expect(lines).not.toContain('node 1 serves');
  });
});

describe('a node that serves', () => {
  it('stops when a comparison finds its copy different', async () => {
    const { state, given, isIn } = start(equal, 1);
    await isIn('serving');
    given.comparison = different;
    await isIn('diverged');
    expect(await state.admit()).toContain('differ from those of node 2 and node 3');
  });

  it('gives up leadership only if it leads and its copy differs from those of the other nodes', async () => {
    const leads = { status: { ...healthy, isLeader: true }, reads: true };
    const leader = start(different, 1, leads);
    await leader.isIn('diverged');
    await until(() => leader.counts.transfers > 0);
    const follower = start(different, 1);
    await follower.isIn('diverged');
    const sound = start(equal, 1, leads);
    await sound.isIn('serving');
    expect([follower.counts.transfers, sound.counts.transfers]).toEqual([0, 0]);
  });

  it('stops and gives up leadership when a comparison finds acknowledged writes missing', async () => {
    const leads = { status: { ...healthy, isLeader: true }, reads: true };
    const { state, given, counts, isIn } = start(equal, 1, leads);
    await isIn('serving');
    given.comparison = {
      ...behind,
      read: { revision: 9, committed: { own: 9, others: new Map([[2, 70]]) } },
    };
    await isIn('diverged');
    expect(state.reason()).toBe(
      'acknowledged writes are missing here: node 2 has revision 70, this node 9',
    );
    await until(() => counts.transfers > 0);
  });

  it.each<[string, Partial<Etcd>, readonly [number, number][]]>([
    ['it had applied itself', { readsAt: 8 }, []],
    ['another node has reported', {}, [[2, 70]]],
  ])(
    'compares again after it lost its majority, if a read then returns a lower revision than %s',
    async (_, more, reported) => {
      const { lines, etcd, others, given, counts, isIn } = start(equal);
      await isIn('serving');
      etcd.status = { ...healthy, hasLeader: false };
      await isIn('no-majority');
      for (const [node, revision] of reported) others.set(node, revision);
      given.comparison = behind;
      Object.assign(etcd, { status: healthy }, more);
      await isIn('diverged');
      expect(counts.comparisons).toBe(2);
      expect(lines.filter((line) => line === 'node 1 serves')).toHaveLength(1);
    },
  );

  it('compares again at once when compareSoon is called', async () => {
    const { counts, watch, isIn } = start(equal);
    await isIn('serving');
    watch.compareSoon();
    await until(() => counts.comparisons === 2);
  });

  it('keeps serving after a comparison that too few nodes answered, and compares again', async () => {
    const { lines, state, given, counts, isIn } = start(equal, 1);
    await isIn('serving');
    given.comparison = none;
    const before = counts.comparisons;
    await until(() => counts.comparisons > before);
    laterMs += 2_000;
    await until(() => counts.comparisons > before + 1);
    expect([state.state(), lines.filter((line) => line === 'node 1 serves')]).toEqual([
      'serving',
      ['node 1 serves'],
    ]);
  });

  it('compares after a minute, or after an hour if its data take more than 1 GB', async () => {
    const { etcd, counts, isIn, look } = start(equal);
    await isIn('serving');
    laterMs += 50_000;
    await look(2);
    expect(counts.comparisons).toBe(1);
    etcd.status = { ...healthy, dbBytesInUse: 2 * 1_073_741_824 };
    laterMs += 11_000;
    await until(() => counts.comparisons === 2);
    laterMs += 3_500_000;
    await look(2);
    expect(counts.comparisons).toBe(2);
    laterMs += 101_000;
    await until(() => counts.comparisons === 3);
  });

  it.each([
    ['etcd knows no leader', { ...healthy, hasLeader: false }, 'there is no majority of the nodes'],
    ['etcd gives no answer', undefined, 'its etcd does not answer'],
  ])('reports no majority if %s, and serves again afterwards', async (_, status, why) => {
    const { state, etcd, counts, watch, isIn } = start(equal);
    await isIn('serving');
    etcd.status = status;
    await isIn('no-majority');
    expect([state.reason(), watch.status()]).toEqual([why, status]);
    etcd.status = healthy;
    await isIn('serving');
    expect(counts.comparisons).toBe(1);
  });

  it('notices that the leader is lost while a comparison waits for an answer', async () => {
    const { etcd, given, counts, isIn } = start(equal, 1);
    await isIn('serving');
    given.comparison = new Promise(() => undefined);
    const before = counts.comparisons;
    await until(() => counts.comparisons > before);
    etcd.status = { ...healthy, hasLeader: false };
    await isIn('no-majority');
  });
});

describe('a node whose etcd was restarted', () => {
  it('serves only after a new comparison', async () => {
    const { state, given, counts, watch, isIn } = start(equal);
    await isIn('serving');
    const waiting = Promise.withResolvers<Comparison>();
    given.comparison = waiting.promise;
    watch.forgetComparison();
    state.change('catching-up', 'its etcd ended');
    await until(() => counts.comparisons === 2);
    expect(state.state()).toBe('catching-up');
    waiting.resolve(equal);
    await isIn('serving');
  });

  it('ignores a comparison that began before the restart', async () => {
    const waiting = Promise.withResolvers<Comparison>();
    const { lines, state, given, counts, watch, look } = start(waiting.promise);
    await until(() => counts.comparisons === 1);
    watch.forgetComparison();
    given.comparison = none;
    waiting.resolve(equal);
    await until(() => counts.comparisons === 2);
    await look(2);
    expect([state.state(), watch.comparedAt()]).toEqual(['catching-up', undefined]);
    expect(lines).not.toContain('node 1 serves');
  });
});

describe('a node that has diverged', () => {
  it('serves again only after a comparison has found its copy equal', async () => {
    const { lines, given, counts, isIn, look } = start(different);
    await isIn('diverged');
    laterMs += 2_000;
    await until(() => counts.comparisons === 2);
    await look(2);
    given.comparison = none;
    laterMs += 2_000;
    await until(() => counts.comparisons === 3);
    await look(2);
    expect(lines).not.toContain('node 1 serves');
    given.comparison = equal;
    laterMs += 2_000;
    await isIn('serving');
  });
});

it('a closed watch of etcd does not poll etcd any more', async () => {
  const { counts, isIn } = start(equal);
  await isIn('serving');
  stop.abort();
  const { looks } = counts;
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(counts.looks).toBeLessThanOrEqual(looks + 1);
});
