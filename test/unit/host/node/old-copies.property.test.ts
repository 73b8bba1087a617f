/**
 * Nodes start, stop, are copied, wiped and restored from copies. An old copy is noticed before its
 * etcd starts, if a reachable node has heard of a later state.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Counter, openCounter } from '../../../../host/node/counter.ts';
import { joinCluster } from '../../../../host/node/joining.ts';
import { hasMemberFiles, putAside } from '../../../../host/node/member-files.ts';
import { type NodeRecord, openNodeRecord } from '../../../../host/node/node-record.ts';
import { createNodeState } from '../../../../host/node/state.ts';
import { askOf, configOf, reportOf } from '../../../support/nodes.ts';

/** In memory if the system has such a folder, because each report waits for a disk. */
const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

const numbers = [1, 2, 3] as const;
/**
 * The process of a node. While it waits for other nodes it is not in the cluster, but it still
 * answers them.
 */
type NodeProcess = {
  readonly record: NodeRecord;
  readonly counter: Counter;
  isIn: boolean;
  /** A node announces itself before its etcd runs. Its log grows only once etcd runs. */
  hasEtcd: boolean;
};

/**
 * The files of etcd: which member they belong to, and their age, which stands for the length of
 * their log. Every action of any node raises the age, so the older of two states of one member has
 * the lower age.
 */
type Files = { readonly member: number; readonly age: number };
type Death = 'before etcd' | 'after etcd' | undefined;
/**
 * For each other node, the latest etcd files that this node has heard of. They are stored in its
 * own folder, so a node that is restored from an older copy has forgotten later ones.
 */
type HeardAges = Readonly<Record<string, Files>>;

const readJson = (file: string) =>
  existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;

/** Three nodes with real records and counters. Simple files stand in for those of etcd. */
const createCluster = (root: string) => {
  const running = new Map<number, NodeProcess>();
  /** The current member of each node, as the etcd cluster knows it. */
  const members = new Map<number, number>();
  const copies = new Map<number, string[]>();
  let age = 0;
  let copied = 0;
  let isUntouched = true;
  const folderOf = (node: number): string => join(root, String(node));
  const filesOf = (node: number): string => join(folderOf(node), 'etcd', 'member', 'wal');
  const heardOf = (node: number): string => join(folderOf(node), 'heard.json');
  const others = (node: number, reach: number): readonly number[] =>
    numbers.filter((other) => other !== node && running.has(other) && (reach & (1 << other)) > 0);

  const write = (node: number, member: number): void => {
    age += 1;
    mkdirSync(join(filesOf(node), '..'), { recursive: true });
    writeFileSync(filesOf(node), JSON.stringify({ member, age } satisfies Files));
  };
  /** The node writes to its log, raises its counter and sends a report. */
  const tick = async (node: number, reach: number): Promise<void> => {
    const own = running.get(node);
    if (!own?.isIn) return;
    if (own.hasEtcd) write(node, members.get(node) ?? 0);
    await own.counter.raise();
    const files: Files = readJson(filesOf(node));
    for (const other of others(node, reach)) {
      const said = { start: own.record.start(), counter: own.counter.value() };
      await running.get(other)?.record.receive(node, said);
      const heard: HeardAges = readJson(heardOf(other)) ?? {};
      const known = heard[node];
      if (known?.member === files.member && known.age > files.age) continue;
      writeFileSync(heardOf(other), JSON.stringify({ ...heard, [node]: files }));
    }
  };
  const ask = (node: number, reach: number) =>
    askOf((other) => {
      const peer = running.get(other);
      if (peer === undefined || !others(node, reach).includes(other)) return undefined;
      const { record } = peer;
      return JSON.stringify(
        reportOf(other, {
          member: record.isMember(),
          heard: record.heard(),
          start: record.start(),
        }),
      );
    });
  const replace = async (node: number, reach: number): Promise<void> => {
    putAside(folderOf(node));
    const [giver] = others(node, reach);
    if (giver !== undefined) await running.get(giver)?.record.forget(node);
    members.set(node, age + 1);
    write(node, age + 1);
  };

  /**
   * Starts the member like `startMember`. Unless it replaces the member, its files must not be old.
   */
  const startEtcd = async (node: number, reach: number, lost: string | undefined) => {
    const files: Files | undefined = readJson(filesOf(node));
    if (lost !== undefined && files !== undefined) expect(isUntouched).toBe(false);
    // `isRemoved`: etcd itself notices that its member was removed.
    const isRemoved = files !== undefined && files.member !== members.get(node);
    if (lost !== undefined || isRemoved) return await replace(node, reach);
    if (files === undefined) {
      members.set(node, members.get(node) ?? age + 1);
      return write(node, members.get(node) ?? 0);
    }
    for (const other of others(node, reach)) {
      const heard: HeardAges | undefined = readJson(heardOf(other));
      const known = heard?.[node];
      if (known?.member === files.member) expect(files.age).toBeGreaterThanOrEqual(known.age);
    }
    // etcd writes to its log as soon as it runs. If later files were known only to an unreachable
    // node, they are lost now.
    write(node, files.member);
  };
  /** Restarts the node. It may die before or after its member has started. */
  const start = async (node: number, reach: number, dies: Death): Promise<void> => {
    const folder = folderOf(node);
    mkdirSync(folder, { recursive: true });
    const record = openNodeRecord(folder, node, 'this');
    const counter = openCounter(folder);
    const own: NodeProcess = { record, counter, isIn: false, hasEtcd: false };
    running.set(node, own);
    // A node that waits for others would wait for ever here, so the wait is aborted and the node
    // stays as it is until its next start.
    const waiting = new AbortController();
    const died = new Error('the node died');
    await joinCluster({
      ...{ config: configOf(node), ask: ask(node, reach), record, counter },
      hasMemberFiles: hasMemberFiles(folder),
      state: createNodeState(node, (line) => {
        if (line.includes('is waiting')) waiting.abort(died);
      }),
      etcd: { range: async () => ({ kvs: [], more: false }) },
      announce: async () => {
        own.isIn = true;
        await tick(node, reach);
      },
      startEtcd: async (lost) => {
        if (dies === 'before etcd') throw died;
        await startEtcd(node, reach, lost);
        own.hasEtcd = true;
        if (dies === 'after etcd') throw died;
      },
      signal: waiting.signal,
    }).catch((error: Error) => {
      if (error !== died && error.name !== 'AbortError') throw error;
      if (!waiting.signal.aborted) running.delete(node);
    });
  };
  const copy = (node: number): void => {
    if (!existsSync(folderOf(node))) return;
    copied += 1;
    const to = join(root, `copy-${copied}`);
    cpSync(folderOf(node), to, { recursive: true });
    copies.set(node, [...(copies.get(node) ?? []), to]);
  };
  const empty = (node: number): void => {
    isUntouched = false;
    running.delete(node);
    rmSync(folderOf(node), { recursive: true, force: true });
  };
  const putBack = (node: number, which: number): void => {
    const known = copies.get(node) ?? [];
    const from = known.at(-1 - (which % known.length));
    if (from === undefined) return;
    empty(node);
    cpSync(from, folderOf(node), { recursive: true });
  };
  const stop = (node: number): void => void running.delete(node);
  return { start, tick, copy, putBack, empty, stop };
};
type Cluster = ReturnType<typeof createCluster>;

const node = fc.constantFrom(...numbers);
/** The reachable nodes as bits: bit 1 stands for node 1, and so on. */
const reach = fc.constantFrom(0b1110, 0b1110, 0b0110, 0b1010, 0b1100, 0);
const dies = fc.constantFrom<Death>(undefined, undefined, 'before etcd', 'after etcd');
const start = fc.record({ is: fc.constant('start' as const), node, reach, dies });
const tick = fc.record({ is: fc.constant('tick' as const), node, reach });
const copy = fc.record({ is: fc.constant('copy' as const), node });
const putBack = fc.record({ is: fc.constant('put back' as const), node, which: fc.nat(9) });
const stop = fc.record({ is: fc.constant('stop' as const), node });
const wipe = fc.record({ is: fc.constant('wipe' as const), node });
const step = fc.oneof(start, tick, copy, putBack, stop, wipe);
/**
 * A node is copied, does something else, and is restored from one of its copies. It may die when it
 * starts.
 */
const episode = fc
  .record({ node, reach, dies, between: fc.array(fc.oneof(start, tick, step), { maxLength: 4 }) })
  .map(({ node: at, reach: reached, dies: first, between }) => [
    { is: 'copy' as const, node: at },
    ...between.map((one) => (one.is === 'wipe' ? one : { ...one, node: at })),
    { is: 'put back' as const, node: at, which: 0 },
    { is: 'start' as const, node: at, reach: reached, dies: first },
    { is: 'start' as const, node: at, reach: reached, dies: undefined },
  ]);
const steps = fc
  .array(fc.oneof(episode, episode, fc.array(step, { maxLength: 3 })), { maxLength: 6 })
  .map((parts) => parts.flat());
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

const run = async (cluster: Cluster, one: Step): Promise<void> => {
  if (one.is === 'start') await cluster.start(one.node, one.reach, one.dies);
  if (one.is === 'tick') await cluster.tick(one.node, one.reach);
  if (one.is === 'stop') cluster.stop(one.node);
  if (one.is === 'copy') cluster.copy(one.node);
  if (one.is === 'put back') cluster.putBack(one.node, one.which);
  if (one.is === 'wipe') cluster.empty(one.node);
};

describe('a node, after any sequence of starts, reports and restored copies,', () => {
  // Shows G12.
  it('never starts with files older than a reachable peer has heard of', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (done) => {
        const root = mkdtempSync(join(memory, 'vault-copies-'));
        try {
          const cluster = createCluster(root);
          // Every node starts twice: in the first round, only the last node finds all the others
          // running.
          for (const at of [...numbers, ...numbers]) await cluster.start(at, 0b1110, undefined);
          for (const one of done) await run(cluster, one);
        } finally {
          rmSync(root, { recursive: true });
        }
      }),
      { numRuns: 40 },
    );
  });
});
