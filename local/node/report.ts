/**
 * The report of a node to the other nodes, and the part of it that people see. Nodes of two releases hear
 * each other during an upgrade. So a reader leaves out properties that it does not know, and a new property
 * needs a value for reports of earlier releases.
 */
import * as v from 'valibot';
import { isKnownToReadStale, minorOf } from './etcd-version.ts';

/** The last report that was heard of a node: the number of its start, and its counter. */
export const heardReport = v.object({ start: v.number(), counter: v.number() });
export type HeardReport = v.InferOutput<typeof heardReport>;

const space = v.object({
  /** The database file, and the part of it that holds data. */
  dbBytes: v.number(),
  dbBytesInUse: v.number(),
  quotaBytes: v.number(),
  diskFreeBytes: v.number(),
  /** The memory that etcd holds. A node of an older release does not tell it. */
  memoryBytes: v.nullish(v.number(), null),
});

/** etcd's hash of all keys and values from `compactRevision` to `revision`, in hexadecimal. */
const digest = v.object({
  revision: v.number(),
  compactRevision: v.number(),
  hash: v.string(),
});
export type Digest = v.InferOutput<typeof digest>;

/**
 * `waiting`: for other nodes, before its etcd may start. `joining`: it waits for a new member. `diverged`:
 * its copy differs from the others'. Only `serving` answers requests.
 */
export const nodeStates = [
  'waiting',
  'joining',
  'catching-up',
  'serving',
  'no-majority',
  'diverged',
  'defragmenting',
] as const;

/**
 * `missing`, `unreadable` (or damaged), `incorrect` (the key of another vault) and `unproved` (nothing tells
 * whether it is this vault's, so the node stores nothing) are a file's, `unusable` is whatever a KMS says
 * against the key.
 */
const keyStates = [
  'usable',
  'disabled',
  'missing',
  'unreadable',
  'incorrect',
  'unproved',
  'unusable',
] as const;
export type NodeKeyState = (typeof keyStates)[number];

const nodeReport = v.object({
  node: v.number(),
  alive: v.boolean(),
  /** Treat an unknown state as not serving. */
  state: v.fallback(v.picklist(nodeStates), 'waiting'),
  /** A sentence that says why the node does not serve. */
  reason: v.nullable(v.string()),
  /** Whether its member leads. */
  leader: v.boolean(),
  /** The last revision that its etcd has applied. */
  appliedRevision: v.number(),
  /**
   * The highest revision that it has answered or applied, now or before it was started again. A node of an older release
   * does not tell.
   */
  knownRevision: v.optional(v.number(), 0),
  /** The last hash that it computed. */
  digest: v.nullable(digest),
  /** When its copy was last found equal to a majority's, in ISO 8601. */
  comparedAt: v.nullable(v.string()),
  /** The version of its etcd. */
  etcd: v.nullable(v.string()),
  memberId: v.nullable(v.string()),
  space: v.nullable(space),
  /**
   * Whether the node can use the master key; `null` while it does not know. A node of 1.0.0 does not tell.
   */
  masterKey: v.fallback(v.nullish(v.picklist(keyStates), null), null),
  /**
   * The check value (`checkOf` in kms/key-file.ts) of its master key in a file, unless something speaks
   * against that key. Only nodes tell it each other. A node of 1.0.0 does not tell.
   */
  keyCheck: v.nullish(v.string(), null),
  /** When the certificate that it uses ends, in ISO 8601. A node of 1.0.0 does not tell. */
  certificateEndsAt: v.nullish(v.string(), null),
  /** The number of this start of the node, and a number that rises every second while it runs. */
  start: v.number(),
  counter: v.number(),
  /** Whether it has been in the cluster, so that no new cluster may be made. */
  member: v.boolean(),
  /** The last reports that it heard, by node. */
  heard: v.record(v.string(), heardReport),
});
export type NodeReport = v.InferOutput<typeof nodeReport>;

/** A revision that was committed when the node reported it. */
export const committedOf = ({
  appliedRevision,
  knownRevision,
}: Pick<NodeReport, 'appliedRevision' | 'knownRevision'>): number =>
  Math.max(appliedRevision, knownRevision);

/** The reports as people see them, in the order of the nodes. */
export const shownOf = (reports: readonly NodeReport[]) => {
  const furthest = Math.max(...reports.map(({ appliedRevision }) => appliedRevision));
  return reports
    .map(({ heard: _, member: __, counter: ___, memberId: ____, ...rest }) => {
      const { keyCheck: _____, knownRevision: ______, ...shown } = rest;
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
 * `ahead`: the other one has reported a later revision than a linearizable read shows here, so acknowledged writes are
 * missing here. `none`: one of the two gave no hash, or their hashes cannot be compared.
 */
export type Verdict = 'equal' | 'different' | 'ahead' | 'none';

/** Hashes are comparable only if they cover the same revisions and the same minor version of etcd computed them. */
export const verdictOf = (one: HashedCopy, other: HashedCopy): Verdict => {
  const isComparable =
    one.revision === other.revision &&
    one.compactRevision === other.compactRevision &&
    minorOf(one.etcd ?? '') === minorOf(other.etcd ?? '');
  if (!isComparable) return 'none';
  return one.hash === other.hash ? 'equal' : 'different';
};

/** Whether no two nodes are known to hold different data. */
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

/** Throws if the text is no report. */
export const parseReport = (text: string): NodeReport => v.parse(nodeReport, JSON.parse(text));
