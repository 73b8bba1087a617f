/**
 * Watches etcd. A node serves only while its etcd knows a leader, and its copy and those equal to
 * it form a majority (comparing.ts). This is checked again and again. The module keeps the last
 * known status of etcd, and when the copy was compared and must be compared again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { MemberClient, MemberStatus } from '../etcd/member-client.ts';
import { type Comparison, differenceOf, lacksWrites, type Read, resultOf } from './comparing.ts';
import { nodeTimes } from './node-times.ts';
import { isLarge, type Space } from './space.ts';
import type { NodeState } from './state.ts';

export type WatchingOptions = {
  readonly member: MemberClient;
  /** Makes a linearizable read. Rejects if no majority answers. */
  readonly read: () => Promise<Read>;
  readonly state: NodeState;
  /**
   * Called with the revision in each status of etcd, or 0 while etcd does not answer. The node
   * remembers the highest one.
   */
  readonly learn: (revision: number) => void;
  readonly measureSpace: (status: MemberStatus) => Space;
  /** Compares this node's copy with the others'. Rejects if its own etcd does not answer. */
  readonly compare: () => Promise<Comparison>;
  /**
   * Hands leadership to a node that serves. A member that is far behind copies the leader's
   * database, so a node whose copy differs or lacks writes must not lead.
   */
  readonly transferLeadership: () => Promise<void>;
  /**
   * How long a copy that was found equal need not be compared again. The default depends on the
   * size of the database.
   */
  readonly compareEveryMs: number | undefined;
  /** Called with etcd's status whenever the node is about to serve. */
  readonly onServing: (status: MemberStatus) => void;
};

export type EtcdWatch = {
  /** The last status of etcd; `undefined` before the first one, and while etcd does not answer. */
  readonly status: () => MemberStatus | undefined;
  /** The space that the database and the disk had when etcd returned the last status. */
  readonly space: () => Space | undefined;
  /** When the copy was last found to be the same as that of a majority. */
  readonly comparedAt: () => Date | undefined;
  /**
   * Call this when a report of another node is a reason to compare. The next check then compares
   * the copy.
   */
  readonly compareSoon: () => void;
  /**
   * Must be called when etcd has exited and is restarted. The node then serves again only after a
   * new comparison.
   */
  readonly forgetComparison: () => void;
  /**
   * Checks until the signal aborts whether etcd knows a leader, and whether its copy equals those
   * of the others. The node serves only while both are true.
   */
  readonly run: (signal: AbortSignal) => Promise<void>;
};

export const watchEtcd = (options: WatchingOptions): EtcdWatch => {
  const { member, read, state, learn, measureSpace, compare, transferLeadership, onServing } =
    options;
  let status: MemberStatus | undefined;
  let space: Space | undefined;
  let comparedAt: Date | undefined;
  /** Whether the copy was found equal to that of a majority since etcd was started. */
  let isCompared = false;
  /** The time, of `performance.now()`, from which the copy is compared again. */
  let compareFrom = 0;
  /** The number of times that etcd was restarted. */
  let restarts = 0;
  let isComparing = false;

  const compareSoon = (): void => {
    compareFrom = 0;
  };

  const intervalMs = (): number =>
    options.compareEveryMs ??
    (isLarge(status?.dbBytesInUse ?? 0) ? nodeTimes.compareLargeEveryMs : nodeTimes.compareEveryMs);

  const compareNow = async (): Promise<void> => {
    const before = restarts;
    const comparison = await compare();
    // A hash that etcd computed before a restart says nothing about what it has loaded since.
    if (before !== restarts) return;
    const result = resultOf(comparison);
    const waitMs = result === 'equal' ? intervalMs() : nodeTimes.compareAgainMs;
    compareFrom = performance.now() + waitMs;
    if (result === 'different' || result === 'ahead') {
      state.change('diverged', differenceOf(comparison));
      if (status?.isLeader) await transferLeadership();
    }
    if (result !== 'equal') return;
    isCompared = true;
    comparedAt = new Date();
    state.rejoin();
  };

  /**
   * Runs the comparison in parallel to the next checks, so that a slow comparison does not hide a
   * lost leader.
   */
  const compareMeanwhile = async (): Promise<void> => {
    if (isComparing) return;
    isComparing = true;
    await compareNow().catch(() => undefined);
    isComparing = false;
  };

  /**
   * Makes the node serve again if a majority answers and the copy is equal to the others. Compares
   * the copy first if that has not been done since etcd started.
   */
  const catchUp = async (now: MemberStatus): Promise<void> => {
    const latest = await read().catch(() => undefined);
    if (latest === undefined) return;
    if (isCompared && lacksWrites(latest)) {
      isCompared = false;
      compareSoon();
    }
    if (!isCompared && performance.now() >= compareFrom) {
      state.change('catching-up', 'it compares its copy with the other nodes');
      await compareNow();
    }
    if (!isCompared) return;
    onServing(now);
    state.change('serving');
  };

  const look = async (): Promise<void> => {
    status = await member.status(performance.now() + nodeTimes.etcdStatusMs).catch(() => undefined);
    space = status && measureSpace(status);
    learn(status?.revision ?? 0);
    if (!status?.hasLeader) {
      const needsMajority = ['serving', 'no-majority'].includes(state.state());
      const why = status ? 'there is no majority of the nodes' : 'its etcd does not answer';
      if (needsMajority) state.change('no-majority', why);
      return;
    }
    if (!['serving', 'diverged'].includes(state.state())) await catchUp(status);
    else if (performance.now() >= compareFrom) void compareMeanwhile();
  };

  return {
    status: () => status,
    space: () => space,
    comparedAt: () => comparedAt,
    compareSoon,
    forgetComparison: () => {
      isCompared = false;
      restarts += 1;
      compareSoon();
    },
    run: async (signal) => {
      while (!signal.aborted) {
        await look().catch(() => undefined);
        const { lookEveryMs, lookSoonMs } = nodeTimes;
        const waitMs = state.state() === 'serving' ? lookEveryMs : lookSoonMs;
        await sleep(waitMs, undefined, { ref: false });
      }
    },
  };
};
