/**
 * Comparing copies. etcd serves whatever bytes its file holds. So each node compares the hash of its data
 * with the other nodes, and serves only while its etcd knows a leader and enough copies are equal to be a
 * majority together with its own. `watchEtcd` decides this again and again; begin reading there.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type EtcdClient, hasMajority } from '../etcd/etcd-client.ts';
import type { KeysHash, MemberClient, MemberStatus } from '../etcd/member-client.ts';
import { nodeTimes } from './node-times.ts';
import { type Digest, type Verdict, verdictOf } from './report.ts';
import { isLarge, type Space } from './space.ts';
import type { NodeState } from './state.ts';

/** The answer of a node that was asked for its hash at a revision. */
export type HashAnswer = KeysHash & { readonly etcd: string };

export type Comparison = {
  /** This node's hash, which the others were compared with. */
  readonly own: HashAnswer;
  readonly verdicts: ReadonlyMap<number, Verdict>;
};

export type CompareOptions = {
  /** This node's hash, at a revision that it has applied. Rejects if its etcd does not answer. */
  readonly hashOwn: () => Promise<HashAnswer>;
  /** The hash of another node at that revision. Rejects if that node cannot tell. */
  readonly hashOf: (node: number, revision: number) => Promise<HashAnswer>;
  readonly others: readonly number[];
};

const attempts = 5;

const nodesWith = ({ verdicts }: Comparison, wanted: Verdict): readonly number[] =>
  [...verdicts].filter(([, verdict]) => verdict === wanted).map(([node]) => node);

/**
 * The result for this node. `equal`: this node and the nodes with its hash are a majority. `different`: some node has
 * another hash, and there is no such majority; so two nodes that differ both stop while the third is away. `none`: not
 * enough nodes answered.
 */
export const resultOf = (comparison: Comparison): Verdict => {
  const nodes = comparison.verdicts.size + 1;
  if (1 + nodesWith(comparison, 'equal').length > nodes / 2) return 'equal';
  return nodesWith(comparison, 'different').length > 0 ? 'different' : 'none';
};

/**
 * Compares this node's data with the others until the result is `equal` or all were asked. Nodes that cannot
 * tell yet are asked again for a second, at a new revision. Rejects if this node's own etcd does not answer.
 */
export const compareCopies = async (options: CompareOptions): Promise<Comparison> => {
  const { hashOwn, hashOf, others } = options;
  const verdicts = new Map(others.map((node): [number, Verdict] => [node, 'none']));
  for (let attempt = 1; ; attempt += 1) {
    const comparison = { own: await hashOwn(), verdicts };
    const { own } = comparison;
    // One member after the other: etcd answers nothing else while it computes a hash.
    for (const node of nodesWith(comparison, 'none')) {
      const verdict = await hashOf(node, own.revision)
        .then((answer) => verdictOf(own, answer))
        .catch((): Verdict => 'none');
      verdicts.set(node, verdict);
      if (resultOf(comparison) === 'equal') return comparison;
    }
    if (attempt === attempts || nodesWith(comparison, 'none').length === 0) return comparison;
    await sleep(nodeTimes.askEveryMs);
  }
};

/**
 * Whether the other nodes alone are a majority of all with equal data, at this revision or a later one. The
 * comparison is that of `replaceMember`.
 */
export const areEqualFrom = async ({
  revision,
  heard,
  others,
  hashOf,
}: Pick<CompareOptions, 'hashOf' | 'others'> & {
  readonly revision: number;
  /** The other nodes that were heard. */
  readonly heard: readonly { readonly node: number; readonly appliedRevision: number }[];
}): Promise<boolean> => {
  for (const { node, appliedRevision } of heard) {
    if (appliedRevision < revision) continue;
    const compared = compareCopies({
      hashOwn: () => hashOf(node, appliedRevision),
      hashOf,
      others: others.filter((other) => other !== node),
    });
    if ((await compared.then(resultOf, () => 'none')) === 'equal') return true;
  }
  return false;
};

/** A sentence that says from which nodes this node differs. */
export const differenceOf = (comparison: Comparison): string => {
  const names = nodesWith(comparison, 'different').map((node) => `node ${node}`);
  const { revision } = comparison.own;
  return `its data at revision ${revision} differ from those of ${names.join(' and ')}`;
};

export const digestOf = ({ revision, compactRevision, hash }: KeysHash): Digest => ({
  revision,
  compactRevision,
  hash: hash.toString(16).padStart(8, '0'),
});

/** The state of the node's etcd and of the copy in it, as last seen. The node's reports have these facts. */
export type EtcdFacts = {
  /** The last status of its etcd; `undefined` before the first one, and after etcd gave no answer. */
  status: MemberStatus | undefined;
  /** The space when that status was taken. */
  space: Space | undefined;
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
export const noFacts = (): EtcdFacts => ({
  ...{ status: undefined, space: undefined, hash: null },
  ...{ comparedAt: undefined, isCompared: false, compareFrom: 0, restarts: 0 },
});

/** Another node has diverged: the next look compares. */
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
  readonly etcd: Pick<EtcdClient, 'range'>;
  readonly state: NodeState;
  /** Each look at etcd writes into the facts. */
  readonly facts: EtcdFacts;
  readonly measureSpace: (status: MemberStatus) => Space;
  /** Compares this node's copy with the others'. Rejects if its own etcd does not answer. */
  readonly compare: () => Promise<Comparison>;
  /**
   * Gives leadership to a node that serves. A member that lags far behind gets a copy of the leader's
   * database, so a node whose copy differs must not lead.
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
  const { member, etcd, state, facts, measureSpace, compare, handOver, onServing, signal } =
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
    if (result === 'different') {
      facts.isCompared = false;
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
    if (!(await hasMajority(etcd, nodeTimes.etcdCallMs))) return;
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

/** Hashes for the status take at most a fifth of etcd's time, however often people ask for the status. */
const restPerHash = 4;

export type Hashing = {
  /** The hash at a revision that etcd has applied. Rejects if etcd has not. */
  readonly at: (revision: number) => Promise<HashAnswer>;
  /** The hash at the last revision. */
  readonly now: () => Promise<HashAnswer>;
  /**
   * Hashes the last revision for the status. No hash is made above 1 GB, while another one runs, and for 4 t after a hash
   * that took t. Never rejects.
   */
  readonly forStatus: () => Promise<void>;
};

/** Hashes the copy in etcd. `facts` get each hash. */
export const createHashing = (
  member: Pick<MemberClient, 'status' | 'hashKeys'>,
  facts: EtcdFacts,
): Hashing => {
  let isHashing = false;
  let restsUntil = 0;
  const statusNow = () => member.status(performance.now() + nodeTimes.etcdCallMs);
  const at = async (revision: number): Promise<HashAnswer> => {
    const { version } = await statusNow();
    const keys = await member.hashKeys(revision, performance.now() + nodeTimes.hashMs);
    facts.hash = digestOf(keys);
    return { ...keys, etcd: version };
  };
  const now = async (): Promise<HashAnswer> => await at((await statusNow()).revision);
  return {
    at,
    now,
    forStatus: async () => {
      const began = performance.now();
      if (isLarge(facts.status?.dbBytes ?? 0) || isHashing || began < restsUntil) return;
      isHashing = true;
      await now().catch(() => undefined);
      isHashing = false;
      const ended = performance.now();
      restsUntil = ended + restPerHash * (ended - began);
    },
  };
};
