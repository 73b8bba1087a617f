/**
 * The report of a node to the other nodes, and the part of it that people see. During an upgrade,
 * nodes of two releases read each other's reports. So a reader ignores properties that it does not
 * know, and a new property needs a default for reports of earlier releases.
 */
import * as v from 'valibot';
import { isKnownToReadStale, minorOf } from './etcd-version.ts';

/** What is remembered of the last report of a node: its start number and its counter. */
export const heardReport = v.object({ start: v.number(), counter: v.number() });
export type HeardReport = v.InferOutput<typeof heardReport>;

const space = v.object({
  /** The size of the database file, and how much of it is in use. */
  dbBytes: v.number(),
  dbBytesInUse: v.number(),
  quotaBytes: v.number(),
  diskFreeBytes: v.number(),
  /** The memory that etcd uses. */
  memoryBytes: v.nullable(v.number()),
});

/** etcd's hash of all keys and values from `compactRevision` to `revision`, in hexadecimal. */
const digest = v.object({
  revision: v.number(),
  compactRevision: v.number(),
  hash: v.string(),
});
export type Digest = v.InferOutput<typeof digest>;

/**
 * `waiting`: for other nodes, before its etcd may start. `joining`: for a new member. `diverged`:
 * its copy differs from the others' or lacks acknowledged writes. A node answers requests only
 * while it is `serving`.
 */
export const nodeStates = [
  'waiting',
  'joining',
  'catching-up',
  'serving',
  'no-majority',
  'diverged',
] as const;

/**
 * A key file can be `missing`, `unreadable` (or damaged) or `incorrect` (the key of another vault).
 * `unusable` covers all errors of a KMS.
 */
const keyStates = ['usable', 'disabled', 'missing', 'unreadable', 'incorrect', 'unusable'] as const;
export type NodeKeyState = (typeof keyStates)[number];

const nodeReport = v.object({
  node: v.number(),
  alive: v.boolean(),
  /**
   * A reader treats a state that it does not know, such as one of a later release, as `waiting`, so
   * the node counts as not serving.
   */
  state: v.fallback(v.picklist(nodeStates), 'waiting'),
  /** A sentence that says why the node does not serve. */
  reason: v.nullable(v.string()),
  /** Whether the etcd member of the reporting node is the Raft leader. */
  leader: v.boolean(),
  /** The last revision that the etcd of the reporting node has applied. */
  appliedRevision: v.number(),
  /**
   * The highest revision that the reporting node has answered or applied, including before a
   * restart.
   */
  knownRevision: v.number(),
  /** The last hash of its copy that the reporting node computed. */
  digest: v.nullable(digest),
  /**
   * When the copy of the reporting node was last found to be the same as that of a majority, in ISO
   * 8601.
   */
  comparedAt: v.nullable(v.string()),
  /** The version of the etcd of the reporting node. */
  etcd: v.nullable(v.string()),
  memberId: v.nullable(v.string()),
  space: v.nullable(space),
  /** Whether the node can use the master key; `null` while it does not know. */
  masterKey: v.fallback(v.nullable(v.picklist(keyStates)), null),
  /** When the certificate of the reporting node expires, in ISO 8601. */
  certificateEndsAt: v.string(),
  /**
   * The number of this start of the node, and a number that rises every second while it is in the
   * cluster.
   */
  start: v.number(),
  counter: v.number(),
  /**
   * Whether the reporting node has ever been in the cluster. If it has, no new cluster may be
   * formed.
   */
  member: v.boolean(),
  /** What the reporting node remembers of the last report from each other node. */
  heard: v.record(v.string(), heardReport),
});
export type NodeReport = v.InferOutput<typeof nodeReport>;

/** A revision that was committed when the node reported it. */
export const committedOf = ({
  appliedRevision,
  knownRevision,
}: Pick<NodeReport, 'appliedRevision' | 'knownRevision'>): number =>
  Math.max(appliedRevision, knownRevision);

/** The part of the reports that people see, ordered by node. */
export const shownOf = (reports: readonly NodeReport[]) => {
  const furthest = Math.max(...reports.map(({ appliedRevision }) => appliedRevision));
  return reports
    .map(({ heard: _, member: __, counter: ___, memberId: ____, ...rest }) => {
      const { knownRevision: _____, ...shown } = rest;
      const { appliedRevision, etcd } = shown;
      const mayReadStale = isKnownToReadStale(etcd ?? '');
      return { ...shown, lag: furthest - appliedRevision, mayReadStale };
    })
    .sort((a, b) => a.node - b.node);
};

/** The status of all nodes, as this node knows it. */
export const statusOf = (node: number, reports: readonly NodeReport[]) => ({
  node,
  nodes: shownOf(reports),
  equal: areEqual(reports),
});
export type NodeStatus = ReturnType<typeof statusOf>;

/** etcd's hash of a copy, and the version of the etcd that computed it. */
type HashedCopy = Pick<Digest, 'revision' | 'compactRevision'> & {
  readonly hash: string | number;
  readonly etcd: string | null;
};

/**
 * `ahead`: the other node has reported a later revision than a linearizable read shows here, so
 * this node lacks acknowledged writes. `none`: one of the two has no hash, or their hashes cannot
 * be compared.
 */
export type Verdict = 'equal' | 'different' | 'ahead' | 'none';

/**
 * Hashes can be compared only if they cover the same revisions and come from the same minor version
 * of etcd.
 */
export const verdictOf = (one: HashedCopy, other: HashedCopy): Verdict => {
  const isComparable =
    one.revision === other.revision &&
    one.compactRevision === other.compactRevision &&
    minorOf(one.etcd ?? '') === minorOf(other.etcd ?? '');
  if (!isComparable) return 'none';
  return one.hash === other.hash ? 'equal' : 'different';
};

/** False if two nodes are known to hold different data. */
export const areEqual = (
  reports: readonly Pick<NodeReport, 'state' | 'digest' | 'etcd'>[],
): boolean => {
  const copies = reports.flatMap(({ digest, etcd }) => (digest ? [{ ...digest, etcd }] : []));
  const differsFrom = (one: HashedCopy) => (other: HashedCopy) =>
    verdictOf(one, other) === 'different';
  return (
    reports.every(({ state }) => state !== 'diverged') &&
    !copies.some((one) => copies.some(differsFrom(one)))
  );
};

/** Throws if the text is not a report. */
export const parseReport = (text: string): NodeReport => v.parse(nodeReport, JSON.parse(text));
