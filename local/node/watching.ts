/**
 * Watching etcd. A node serves only while its etcd knows a leader, and its copy and the copies equal to it are a majority
 * (comparing.ts). `watchEtcd` decides this again and again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { MemberClient, MemberStatus } from '../etcd/member-client.ts';
import { type Comparison, differenceOf, lacksWrites, type Read, resultOf } from './comparing.ts';
import { nodeTimes } from './node-times.ts';
import type { Digest } from './report.ts';
import { isLarge, type Space } from './space.ts';
import type { NodeState } from './state.ts';

/** The state of the node's etcd and of the copy in it, as last seen. The node's reports have these facts. */
export type EtcdFacts = {
  /** The last status of its etcd; `undefined` before the first one, and after etcd gave no answer. */
  status: MemberStatus | undefined;
  /** The space when that status was taken. */
  space: Space | undefined;
  /** The highest revision that the node has answered or applied, now or before it was started again. */
  knownRevision: number;
  /** The last hash that etcd computed. */
  hash: Digest | null;
  /** When the copy was last found equal to a majority of the copies. */
  comparedAt: Date | undefined;
  /** Whether the copy was found equal to a majority since etcd was started. */
  isCompared: boolean;
  /** The copy is compared from this time of `performance.now()` on. */
  compareFrom: number;
  /** How often etcd was started again. */
  restarts: number;
};

/** The facts of a node that has just started. */
export const noFacts = (knownRevision = 0): EtcdFacts => ({
  ...{ status: undefined, space: undefined, hash: null, knownRevision },
  ...{ comparedAt: undefined, isCompared: false, compareFrom: 0, restarts: 0 },
});

/** The node has answered or applied this revision, so it is committed. */
export const learnRevision = (facts: EtcdFacts, revision: number): void => {
  facts.knownRevision = Math.max(facts.knownRevision, revision);
};

/** Another node casts doubt on this node's copy: the next look compares. */
export const compareSoon = (facts: EtcdFacts): void => {
  facts.compareFrom = 0;
};

/** etcd was started again: the node serves only after a new comparison. */
export const forgetComparison = (facts: EtcdFacts): void => {
  facts.isCompared = false;
  facts.restarts += 1;
  facts.compareFrom = 0;
};

export type WatchingOptions = {
  readonly member: MemberClient;
  /** A linearizable read. Rejects if no majority answers. */
  readonly read: () => Promise<Read>;
  readonly state: NodeState;
  /** Each look at etcd writes into the facts. */
  readonly facts: EtcdFacts;
  readonly measureSpace: (status: MemberStatus) => Space;
  /** Compares this node's copy with the others'. Rejects if its own etcd does not answer. */
  readonly compare: () => Promise<Comparison>;
  /**
   * Gives leadership to a node that serves. A member that lags far behind gets a copy of the leader's
   * database, so a node whose copy differs or lacks writes must not lead.
   */
  readonly handOver: () => Promise<void>;
  /**
   * How long a copy that was found equal is not compared again. By default it depends on the database's size.
   */
  readonly compareEveryMs: number | undefined;
  /** Is called with the status of etcd each time that the node is about to serve. */
  readonly onServing: (known: MemberStatus) => void;
  readonly signal: AbortSignal;
};

/**
 * Looks at etcd until the signal aborts: whether it knows a leader, and whether its copy equals the others'.
 * The node serves only while both are so.
 */
export const watchEtcd = async (options: WatchingOptions): Promise<void> => {
  const { member, read, state, facts, measureSpace, compare, handOver, onServing, signal } =
    options;
  let isComparing = false;

  const intervalMs = (): number =>
    options.compareEveryMs ??
    (isLarge(facts.status?.dbBytes ?? 0)
      ? nodeTimes.compareLargeEveryMs
      : nodeTimes.compareEveryMs);

  const compareNow = async (): Promise<void> => {
    const before = facts.restarts;
    const comparison = await compare();
    // A hash that etcd computed before it was started again says nothing about what it has loaded since.
    if (before !== facts.restarts) return;
    const result = resultOf(comparison);
    const waitMs = result === 'equal' ? intervalMs() : nodeTimes.compareAgainMs;
    facts.compareFrom = performance.now() + waitMs;
    if (result === 'different' || result === 'ahead') {
      state.change('diverged', differenceOf(comparison));
      if (facts.status?.isLeader) await handOver();
    }
    if (result !== 'equal') return;
    facts.isCompared = true;
    facts.comparedAt = new Date();
    state.rejoin();
  };

  /** Compares beside the next looks, so that a comparison that takes long does not hide a lost leader. */
  const compareMeanwhile = async (): Promise<void> => {
    if (isComparing) return;
    isComparing = true;
    await compareNow().catch(() => undefined);
    isComparing = false;
  };

  /** Serves again once a majority of the members is there and the copy was compared. */
  const catchUp = async (status: MemberStatus): Promise<void> => {
    const latest = await read().catch(() => undefined);
    if (latest === undefined) return;
    if (facts.isCompared && lacksWrites(latest)) {
      facts.isCompared = false;
      compareSoon(facts);
    }
    if (!facts.isCompared && performance.now() >= facts.compareFrom) {
      state.change('catching-up', 'it compares its copy with the other nodes');
      await compareNow();
    }
    if (!facts.isCompared) return;
    onServing(status);
    state.change('serving');
  };

  const look = async (): Promise<void> => {
    const status = await member
      .status(performance.now() + nodeTimes.etcdStatusMs)
      .catch(() => undefined);
    facts.status = status;
    facts.space = status && measureSpace(status);
    learnRevision(facts, status?.revision ?? 0);
    if (!status?.hasLeader) {
      const needsMajority = ['serving', 'no-majority'].includes(state.state());
      const why = status ? 'no majority of the nodes is there' : 'its etcd does not answer';
      if (needsMajority) state.change('no-majority', why);
      return;
    }
    if (state.state() === 'defragmenting') return;
    if (!['serving', 'diverged'].includes(state.state())) await catchUp(status);
    else if (performance.now() >= facts.compareFrom) void compareMeanwhile();
  };

  while (!signal.aborted) {
    await look().catch(() => undefined);
    const { lookEveryMs, lookSoonMs } = nodeTimes;
    await sleep(state.state() === 'serving' ? lookEveryMs : lookSoonMs, undefined, { ref: false });
  }
};
