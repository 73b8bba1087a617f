import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  createDefragmentation,
  createDefragmentationLock,
  type UpkeepReport,
} from '../../../../local/node/upkeep.ts';
import { createMemoryEtcd, type MemoryEtcd } from '../../../support/memory-etcd.ts';
import { memberCallsOf } from '../../../support/nodes.ts';

const megabyte = 1_000_000;
type Sizes = { readonly mb: number; readonly inUse: number; readonly diskFree?: number };
const full: Sizes = { mb: 101, inUse: 50 };
const small: Sizes = { mb: 10, inUse: 1 };

/** A cluster of three nodes; node 1 leads unless a test says otherwise. */
type Cluster = {
  readonly reports: UpkeepReport[];
  /** Defragmentations, moves of leadership and reports, in the order in which they happened. */
  readonly events: string[];
  /** Runs the work of one minute on this node. */
  readonly minute: (node: number) => Promise<void>;
  leader: number;
  /** This function runs while a member is being defragmented. */
  meanwhile: () => Promise<void>;
};

let etcd: MemoryEtcd;
let cluster: Cluster;
const holder = () => etcd.items().get('node/defragmentation');
const set = (node: number, change: Partial<UpkeepReport>): void => {
  const index = cluster.reports.findIndex((one) => one.node === node);
  const before = cluster.reports[index];
  if (before) cluster.reports[index] = { ...before, ...change };
};
const spaceOf = ({ mb, inUse, diskFree = 10_000 }: Sizes, quotaMb = 1_000) => ({
  dbBytes: mb * megabyte,
  dbBytesInUse: inUse * megabyte,
  quotaBytes: quotaMb * megabyte,
  diskFreeBytes: diskFree * megabyte,
  memoryBytes: null,
});
const fill = (node: number, sizes: Sizes, quotaMb?: number) =>
  set(node, { space: spaceOf(sizes, quotaMb) });

beforeEach(() => {
  etcd = createMemoryEtcd();
  const minutes = new Map<number, () => Promise<void>>();
  cluster = {
    reports: [1, 2, 3].map((node) => ({
      node,
      alive: true,
      state: 'serving',
      memberId: `member-${node}`,
      space: spaceOf(small),
    })),
    events: [],
    minute: async (node) => await minutes.get(node)?.(),
    leader: 1,
    meanwhile: async () => undefined,
  };
  for (const node of [1, 2, 3]) {
    const defragmentation = createDefragmentation({
      node,
      nodeCount: 3,
      etcd,
      reports: () => cluster.reports,
      member: memberCallsOf({
        defragment: async () => {
          cluster.events.push(`${node} is defragmented`);
          await cluster.meanwhile();
          fill(node, small);
        },
        moveLeader: async (memberId) => {
          cluster.events.push(`${memberId} leads`);
          cluster.leader = Number(memberId.at(-1));
        },
      }),
      onDefragmenting: (is) => set(node, { state: is ? 'defragmenting' : 'serving' }),
      report: (line) => cluster.events.push(`${node}: ${line}`),
    });
    minutes.set(node, () => defragmentation({ isLeader: cluster.leader === node }));
  }
});

describe('a node whose database file is mostly free', () => {
  it('defragments its member, and reports it', async () => {
    fill(2, full);
    let [state, lock]: (string | undefined)[] = [];
    cluster.meanwhile = async () => {
      state = cluster.reports[1]?.state;
      lock = holder();
    };
    await cluster.minute(2);
    expect(cluster.events).toEqual(['2 is defragmented', '2: the database was defragmented']);
    expect([state, lock]).toEqual(['defragmenting', '2']);
    expect([cluster.reports[1]?.state, holder()]).toEqual(['serving', undefined]);
  });

  it.each<[string, Sizes, number, boolean]>([
    ['a file over 100 MB of which less than half is in use', { mb: 101, inUse: 50 }, 1_000, true],
    ['a file of 100 MB', { mb: 100, inUse: 1 }, 1_000, false],
    ['a file over 100 MB of which half is in use', { mb: 102, inUse: 51 }, 1_000, false],
    ['a file over 80 % of its quota, less than 90 % in use', { mb: 81, inUse: 72 }, 100, true],
    ['a file over 80 % of its quota, 90 % in use', { mb: 90, inUse: 81 }, 100, false],
    ['a file at 80 % of its quota', { mb: 80, inUse: 1 }, 100, false],
    ['a disk with room for a copy', { mb: 101, inUse: 50, diskFree: 185 }, 1_000, true],
    ['a disk without room for a copy', { mb: 101, inUse: 50, diskFree: 184 }, 1_000, false],
  ])('decides by size, use and free space: %s', async (_, sizes, quotaMb, isDone) => {
    fill(2, sizes, quotaMb);
    await cluster.minute(2);
    expect(cluster.events.includes('2 is defragmented')).toBe(isDone);
  });

  it.each<[string, () => unknown]>([
    ['another node is not alive', () => set(3, { alive: false })],
    ['another node does not serve', () => set(3, { state: 'joining' })],
    ['another node was never heard', () => cluster.reports.pop()],
    ['it does not serve itself', () => set(2, { state: 'diverged' })],
    ['its member does not tell its space', () => set(2, { space: null })],
  ])('waits while %s', async (_, change) => {
    fill(2, full);
    change();
    await cluster.minute(2);
    expect(cluster.events).toEqual([]);
  });

  it('waits while another node holds the lock, even if the reports are older', async () => {
    fill(2, full);
    fill(3, full);
    const states = cluster.reports.map(({ state }) => state);
    cluster.meanwhile = async () => {
      // The other node has not heard yet that this one is defragmenting.
      for (const [index, state] of states.entries()) set(index + 1, { state });
      cluster.leader = 2;
      await cluster.minute(3);
    };
    await cluster.minute(2);
    expect(cluster.events).toEqual(['2 is defragmented', '2: the database was defragmented']);
    cluster.meanwhile = async () => undefined;
    await cluster.minute(3);
    expect(cluster.events).toContain('3 is defragmented');
  });

  it('moves leadership first if its member leads, once no other node needs it', async () => {
    for (const node of [1, 2, 3]) fill(node, full);
    for (const node of [1, 2, 1, 3, 1, 1]) await cluster.minute(node);
    expect(cluster.events.filter((event) => !event.includes(':'))).toEqual([
      '2 is defragmented',
      '3 is defragmented',
      'member-2 leads',
      '1 is defragmented',
    ]);
    expect(cluster.events).toContain(
      '1: node 2 leads now, so that this node can defragment its database',
    );
  });

  it('serves again after a failure, and keeps the lock until its next minute', async () => {
    fill(2, full);
    fill(3, full);
    cluster.meanwhile = async () => {
      throw new Error('the deadline has passed');
    };
    await expect(cluster.minute(2)).rejects.toThrow('the deadline has passed');
    expect([cluster.reports[1]?.state, holder()]).toEqual(['serving', '2']);
    await cluster.minute(3);
    expect(cluster.events).toEqual(['2 is defragmented']);
    fill(2, small);
    await cluster.minute(2);
    expect(holder()).toBeUndefined();
  });
});

describe('the lock of defragmentation', () => {
  it('belongs to one node until that node releases it', async () => {
    const [one, two] = [createDefragmentationLock(etcd, 1), createDefragmentationLock(etcd, 2)];
    expect([await one.acquire(), await two.acquire(), await one.acquire()]).toEqual([
      true,
      false,
      false,
    ]);
    await two.release();
    expect(await two.acquire()).toBe(false);
    await one.release();
    expect(await two.acquire()).toBe(true);
  });
});
