/**
 * Compares the copies of the data. etcd serves whatever is in its file, even if that is damaged, so
 * each node compares the hash of its data with those of the other nodes.
 *
 * Equal hashes are not enough: a copy that lacks the latest writes has the same hash at an earlier
 * revision. So the node also makes a linearizable read, and another node that has reported a later
 * revision than the read shows does not count as equal.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type EtcdClient, readRevision } from '../etcd/etcd-client.ts';
import type { KeysHash } from '../etcd/member-client.ts';
import { nodeTimes } from './node-times.ts';
import { committedOf, type NodeReport, type Verdict, verdictOf } from './report.ts';

/** The hash of a node's data at a revision, and the version of the etcd that computed it. */
export type HashAnswer = KeysHash & { readonly etcd: string };

/** The revisions that this node knew to be committed at one moment. */
export type Committed = {
  /** The highest revision that this node has answered or applied. */
  readonly own: number;
  /** The highest revision that each other node knew when it last reported. */
  readonly others: ReadonlyMap<number, number>;
};

/**
 * The revision of a linearizable read. It includes everything committed before the read was sent,
 * unless acknowledged writes were lost.
 */
export type Read = { readonly revision: number; readonly committed: Committed };

/** Makes a linearizable read. Rejects if no majority answers. */
export const readLatest = async (
  etcd: Pick<EtcdClient, 'range'>,
  committedNow: () => Committed,
): Promise<Read> => {
  // Collected before the read is sent: a revision that is committed later need not be part of the
  // read, so it must not be compared with it.
  const committed = committedNow();
  const revision = await readRevision(etcd, nodeTimes.etcdCallMs);
  if (revision === undefined) throw new Error('no majority of the nodes answers');
  return { revision, committed };
};

/** Whether this node itself knows of a later revision than the read shows. */
const isBelowOwn = ({ revision, committed }: Read): boolean => revision < committed.own;

/** Whether any node knows of a later revision than the read shows. */
export const lacksWrites = (read: Read): boolean =>
  isBelowOwn(read) || Math.max(...read.committed.others.values()) > read.revision;

export type Comparison = {
  readonly read: Read;
  /** This node's hash, with which the others were compared. */
  readonly own: HashAnswer;
  readonly verdicts: ReadonlyMap<number, Verdict>;
};

export type CompareOptions = {
  /** Makes a linearizable read. Rejects if no majority answers. */
  readonly read: () => Promise<Read>;
  /**
   * Computes this node's hash at a revision that it has applied. Rejects if its etcd does not
   * answer.
   */
  readonly hashOwn: () => Promise<HashAnswer>;
  /** Asks another node for its hash at that revision. Rejects if that node cannot say. */
  readonly hashOf: (node: number, revision: number) => Promise<HashAnswer>;
  readonly others: readonly number[];
};

const attempts = 5;

const nodesWith = ({ verdicts }: Comparison, wanted: Verdict): readonly number[] =>
  [...verdicts].filter(([, verdict]) => verdict === wanted).map(([node]) => node);

/**
 * The result for this node. `equal`: this node and those with the same hash form a majority.
 * `ahead`, `different`: there is no such majority, and some node is ahead or has a different hash.
 * So if two nodes differ while the third is away, both stop. `none`: too few nodes answered. If the
 * read shows an earlier revision than this node itself has answered or applied, the result is
 * `ahead` whatever the other nodes answered, because this node is certainly behind.
 */
export const resultOf = (comparison: Comparison): Verdict => {
  const nodes = comparison.verdicts.size + 1;
  if (isBelowOwn(comparison.read)) return 'ahead';
  if (1 + nodesWith(comparison, 'equal').length > nodes / 2) return 'equal';
  if (nodesWith(comparison, 'ahead').length > 0) return 'ahead';
  return nodesWith(comparison, 'different').length > 0 ? 'different' : 'none';
};

/**
 * Compares this node's data with that of the others, until the result is `equal` or all have been
 * asked. A node whose hash is missing or cannot be compared is asked up to five times in about a
 * second, each time at a new revision. Rejects if this node's own etcd or no majority answers.
 */
export const compareCopies = async (options: CompareOptions): Promise<Comparison> => {
  const { hashOwn, hashOf, others } = options;
  const verdicts = new Map(others.map((node): [number, Verdict] => [node, 'none']));
  for (let attempt = 1; ; attempt += 1) {
    const read = await options.read();
    const comparison = { read, own: await hashOwn(), verdicts };
    const { own } = comparison;
    // One member at a time, because etcd answers nothing else while it computes a hash.
    for (const node of nodesWith(comparison, 'none')) {
      const committed = read.committed.others.get(node);
      // If there was no report of that node before this read, only a later read can judge it.
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
 * Whether the other nodes form a majority by themselves, with equal data at this revision or a
 * later one, including every revision that any of them knows. A node that is asked for a new member
 * makes a similar comparison (`replaceMember`).
 */
export const areEqualFrom = async ({
  revision,
  heard,
  others,
  hashOf,
}: Pick<CompareOptions, 'hashOf' | 'others'> & {
  readonly revision: number;
  /** The last reports of the other nodes. */
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

/** Explains in one sentence what is missing here, and from which nodes this one differs. */
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

/**
 * The `reason` in the report of a node that lacks acknowledged writes begins with this, and
 * commands recognise it (vaults/node-table.ts).
 */
export const missingWrites = 'acknowledged writes are missing here';
