/**
 * What a node looks at again and again: whether its etcd knows a leader, and whether its copy equals the others'. It
 * serves only while both are so.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EtcdClient } from '../etcd/etcd-client.ts';
import type { MemberClient, MemberStatus } from '../etcd/member-client.ts';
import { type Comparison, differenceOf, resultOf } from './comparing.ts';
import { isLarge } from './space.ts';
import type { NodeState } from './state.ts';

export type WatchingOptions = {
  readonly member: MemberClient;
  readonly etcd: Pick<EtcdClient, 'range'>;
  readonly state: NodeState;
  /** Compares this node's copy with the others'. Rejects if its own etcd does not answer. */
  readonly compare: () => Promise<Comparison>;
  /**
   * Gives leadership to a node that serves. A member that lags far behind gets a copy of the leader's database, so a
   * node whose copy differs must not lead.
   */
  readonly handOver: () => Promise<void>;
  /** How long a copy that was found equal is not compared again. By default it depends on the database's size. */
  readonly compareEveryMs: number | undefined;
  /** Is called with the status of etcd each time that the node is about to serve. */
  readonly onServing: (known: MemberStatus) => void;
  readonly signal: AbortSignal;
};

export type Watching = {
  /** The last status of its etcd; `undefined` before the first one, and after etcd gave no answer. */
  readonly status: () => MemberStatus | undefined;
  /** When the copy was last found equal to a majority of the copies. */
  readonly comparedAt: () => Date | undefined;
  /** etcd was started again: the node serves only after a new comparison. */
  readonly forgetComparison: () => void;
  /** Another node has diverged: the next look compares. */
  readonly compareSoon: () => void;
};

const watchMs = 500;
const retryMs = 100;
/** A node that differs, or whose comparison found no majority, tries again after this time. */
const compareAgainMs = 2_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;
const statusMs = 1_000;
const readMs = 2_000;

/** Watches until the signal aborts. */
export const startWatching = (options: WatchingOptions): Watching => {
  const { member, etcd, state, compare, handOver, compareEveryMs, onServing, signal } = options;
  let known: MemberStatus | undefined;
  let comparedAt: Date | undefined;
  let isCompared = false;
  let nextComparison = 0;
  let restarts = 0;
  let isComparing = false;

  const intervalMs = (): number =>
    compareEveryMs ?? (isLarge(known?.dbBytes ?? 0) ? hourMs : minuteMs);

  const compareNow = async (): Promise<void> => {
    const before = restarts;
    const comparison = await compare();
    // A hash that etcd computed before it was started again says nothing about what it has loaded since.
    if (before !== restarts) return;
    const result = resultOf(comparison);
    const waitMs = result === 'equal' ? intervalMs() : compareAgainMs;
    nextComparison = performance.now() + waitMs;
    if (result === 'different') {
      isCompared = false;
      state.change('diverged', differenceOf(comparison));
      if (known?.isLeader) await handOver();
    }
    if (result !== 'equal') return;
    isCompared = true;
    comparedAt = new Date();
    state.rejoin();
  };

  /** Compares beside the next looks, so that a comparison that takes long does not hide a lost leader. */
  const compareMeanwhile = async (): Promise<void> => {
    if (isComparing) return;
    isComparing = true;
    await compareNow().catch(() => undefined);
    isComparing = false;
  };

  /** Serves again once a linearizable read was answered and the copy was compared. */
  const catchUp = async (status: MemberStatus): Promise<void> => {
    await etcd.range({ key: Buffer.from('table/') }, performance.now() + readMs);
    if (!isCompared && performance.now() >= nextComparison) {
      state.change('catching-up', 'it compares its copy with the other nodes');
      await compareNow();
    }
    if (!isCompared) return;
    onServing(status);
    state.change('serving');
  };

  const look = async (): Promise<void> => {
    known = await member.status(performance.now() + statusMs).catch(() => undefined);
    if (!known?.hasLeader) {
      const isNoMajority = ['serving', 'no-majority'].includes(state.state());
      const why = known ? 'no majority of the nodes is there' : 'its etcd does not answer';
      if (isNoMajority) state.change('no-majority', why);
      return;
    }
    if (state.state() === 'defragmenting') return;
    if (!['serving', 'diverged'].includes(state.state())) await catchUp(known);
    else if (performance.now() >= nextComparison) void compareMeanwhile();
  };

  const watch = async (): Promise<void> => {
    while (!signal.aborted) {
      await look().catch(() => undefined);
      await sleep(state.state() === 'serving' ? watchMs : retryMs, undefined, { ref: false });
    }
  };
  void watch();
  return {
    status: () => known,
    comparedAt: () => comparedAt,
    compareSoon: () => {
      nextComparison = 0;
    },
    forgetComparison: () => {
      isCompared = false;
      restarts += 1;
      nextComparison = 0;
    },
  };
};
