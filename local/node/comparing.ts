/**
 * Comparing copies. etcd serves whatever bytes its file holds. So each node compares the hash of its data with the other
 * nodes. Equal hashes do not suffice: a copy that lacks the last writes equals the beginning of every other copy. So the
 * node also reads from etcd, and a node that had reported a later revision before does not count as equal.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type EtcdClient, readRevision } from '../etcd/etcd-client.ts';
import type { KeysHash } from '../etcd/member-client.ts';
import { nodeTimes } from './node-times.ts';
import { committedOf, type NodeReport, type Verdict, verdictOf } from './report.ts';

/** The answer of a node that was asked for its hash at a revision. */
export type HashAnswer = KeysHash & { readonly etcd: string };

/** Revisions that were committed at one moment, as far as this node knows. */
export type Committed = {
  /** The highest revision that this node has answered or applied. */
  readonly own: number;
  /** The highest revision that each other node has reported. */
  readonly others: ReadonlyMap<number, number>;
};

/** A linearizable read: it shows what was committed before it was sent, unless acknowledged writes were lost. */
export type Read = { readonly revision: number; readonly committed: Committed };

/** Makes a linearizable read. Rejects if no majority answers. */
export const readLatest = async (
  etcd: Pick<EtcdClient, 'range'>,
  committedNow: () => Committed,
): Promise<Read> => {
  // Before the read is sent: what is committed later is missing in it by right.
  const committed = committedNow();
  const revision = await readRevision(etcd, nodeTimes.etcdCallMs);
  if (revision === undefined) throw new Error('no majority of the nodes answers');
  return { revision, committed };
};

/** Whether this node itself knows a later revision than the read shows. */
const isBelowOwn = ({ revision, committed }: Read): boolean => revision < committed.own;

/** Whether any node knows a later revision than the read shows. */
export const lacksWrites = (read: Read): boolean =>
  isBelowOwn(read) || Math.max(...read.committed.others.values()) > read.revision;

export type Comparison = {
  readonly read: Read;
  /** This node's hash, which the others were compared with. */
  readonly own: HashAnswer;
  readonly verdicts: ReadonlyMap<number, Verdict>;
};

export type CompareOptions = {
  /** A linearizable read of this node. Rejects if no majority answers. */
  readonly read: () => Promise<Read>;
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
 * The result for this node. `equal`: this node and the nodes with its hash are a majority. `ahead` and `different`: there
 * is no such majority, and some node is ahead or has another hash; so two nodes that differ both stop while the third
 * is away. `none`: not enough nodes answered. A node that is behind what it has answered itself needs no other to tell.
 */
export const resultOf = (comparison: Comparison): Verdict => {
  const nodes = comparison.verdicts.size + 1;
  if (isBelowOwn(comparison.read)) return 'ahead';
  if (1 + nodesWith(comparison, 'equal').length > nodes / 2) return 'equal';
  if (nodesWith(comparison, 'ahead').length > 0) return 'ahead';
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
    const read = await options.read();
    const comparison = { read, own: await hashOwn(), verdicts };
    const { own } = comparison;
    // One member after the other: etcd answers nothing else while it computes a hash.
    for (const node of nodesWith(comparison, 'none')) {
      const committed = read.committed.others.get(node);
      // A node that was not heard before the read counts only by a later one.
      if (committed === undefined) continue;
      if (committed > read.revision) {
        verdicts.set(node, 'ahead');
        continue;
      }
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
 * Whether the other nodes alone are a majority of all with equal data, at this revision and all that they know of or a
 * later one. The comparison is that of `replaceMember`.
 */
export const areEqualFrom = async ({
  revision,
  heard,
  others,
  hashOf,
}: Pick<CompareOptions, 'hashOf' | 'others'> & {
  readonly revision: number;
  /** The other nodes that were heard. */
  readonly heard: readonly Pick<NodeReport, 'node' | 'appliedRevision' | 'knownRevision'>[];
}): Promise<boolean> => {
  const from = Math.max(revision, ...heard.map(committedOf));
  const nothing = { own: 0, others: new Map(others.map((node) => [node, 0])) };
  for (const { node, appliedRevision } of heard) {
    if (appliedRevision < from) continue;
    const compared = compareCopies({
      read: async () => ({ revision: appliedRevision, committed: nothing }),
      hashOwn: () => hashOf(node, appliedRevision),
      hashOf,
      others: others.filter((other) => other !== node),
    });
    if ((await compared.then(resultOf, () => 'none')) === 'equal') return true;
  }
  return false;
};

/** A sentence that says what is missing here, and from which nodes this node differs. */
export const differenceOf = (comparison: Comparison): string => {
  const { read, own } = comparison;
  const { revision, committed } = read;
  const ahead = nodesWith(comparison, 'ahead').map(
    (node) => `node ${node} has revision ${committed.others.get(node)}`,
  );
  const different = nodesWith(comparison, 'different').map((node) => `node ${node}`);
  const missing = isBelowOwn(read)
    ? [`this node had revision ${committed.own}, and has ${revision} now`, ...ahead].join('; ')
    : `${ahead.join(' and ')}, this node ${revision}`;
  const isMissing = isBelowOwn(read) || ahead.length > 0;
  const facts = [
    ...(isMissing ? [`${missingWrites}: ${missing}`] : []),
    ...(different.length > 0
      ? [`its data at revision ${own.revision} differ from those of ${different.join(' and ')}`]
      : []),
  ];
  return facts.join('; ');
};

/** Begins the reason of a node that lacks acknowledged writes. */
export const missingWrites = 'acknowledged writes are missing here';
