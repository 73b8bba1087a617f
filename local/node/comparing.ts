/**
 * Comparing copies. etcd serves whatever bytes its file holds. So each node compares the hash of its data with the other
 * nodes, and serves only while enough of them are equal to be a majority together with it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KeysHash } from '../etcd/member-client.ts';
import { type Digest, minorOf } from './report.ts';

/** The answer of a node that was asked for its hash at a revision. */
export type HashAnswer = KeysHash & { readonly etcd: string };

/** `none`: the node gave no answer, or one that cannot be compared. */
export type Verdict = 'equal' | 'different' | 'none';

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
const retryMs = 200;

/** Hashes are comparable only if they cover the same revisions and the same minor version of etcd computed them. */
const verdictOf = (own: HashAnswer, other: HashAnswer): Verdict => {
  const isComparable =
    own.revision === other.revision &&
    own.compactRevision === other.compactRevision &&
    minorOf(own.etcd) === minorOf(other.etcd);
  if (!isComparable) return 'none';
  return own.hash === other.hash ? 'equal' : 'different';
};

const nodesWith = ({ verdicts }: Comparison, wanted: Verdict): readonly number[] =>
  [...verdicts].filter(([, verdict]) => verdict === wanted).map(([node]) => node);

/**
 * The result for this node. `equal`: it and its equals are a majority. `different`: some node differs, and its equals
 * are no majority; so two nodes that differ both stop while the third is away. `none`: not enough nodes answered.
 */
export const resultOf = (comparison: Comparison): Verdict => {
  const nodes = comparison.verdicts.size + 1;
  if (1 + nodesWith(comparison, 'equal').length > nodes / 2) return 'equal';
  return nodesWith(comparison, 'different').length > 0 ? 'different' : 'none';
};

/**
 * Compares this node's data with the others until the result is `equal` or all were asked. Nodes that cannot tell yet
 * are asked again for a second, at a new revision. Rejects if this node's own etcd does not answer.
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
    await sleep(retryMs);
  }
};

/**
 * Whether the other nodes alone are a majority of all with equal data, at this revision or a later one. Asks them as the
 * node does that replaces a member.
 */
export const areEqualFrom = async ({
  revision,
  heard,
  others,
  hashOf,
}: Pick<CompareOptions, 'hashOf' | 'others'> & {
  readonly revision: number;
  /** Those of the others that were heard. */
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
