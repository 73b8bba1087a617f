/** Compares the reports of a cluster's nodes. */
import { endsSoon } from '../../functions/model/types.ts';
import { failure } from '../../system/failures.ts';
import { isKnownToReadStale } from '../node/etcd-version.ts';
import { nodeTimes } from '../node/node-times.ts';
import type { PeerCall } from '../node/peers.ts';
import { areEqual, type NodeReport, parseReport } from '../node/report.ts';

type NodeStatus = Pick<
  NodeReport,
  'node' | 'alive' | 'leader' | 'reason' | 'etcd' | 'masterKey' | 'certificateEndsAt'
> & {
  /** `null`, like all that only a node's report tells, if the node did not answer. */
  readonly appliedRevision: number | null;
  /** How many revisions the node is behind the furthest node. */
  readonly lag: number | null;
  /** The hash of its data at the applied revision; `null` also if its etcd does not answer. */
  readonly digest: string | null;
  /** The state as the node reports it; for a node that did not answer, the state of its process. */
  readonly state: string;
  /** Whether it is cut off from the other nodes. */
  readonly isolated: boolean;
  /** Whether its version of etcd is known to answer stale reads. */
  readonly mayReadStale: boolean;
};

export type ClusterStatus = {
  readonly nodes: readonly NodeStatus[];
  /** False if two nodes have different digests at one revision, or if a node reports that it differs. */
  readonly equal: boolean;
};

/** The state of a node as others observe it. */
export type NodeObservation = {
  readonly node: number;
  readonly isolated: boolean;
  /** The state of the process of a node that does not answer, such as `killed`. */
  readonly process: string;
  /** The node's report; `undefined` if it gave none in time. */
  readonly answer: NodeReport | undefined;
};

/** Asks a node for its report; `undefined` if it gives none in time. */
export const askNode = (ask: PeerCall, node: number): Promise<NodeReport | undefined> =>
  ask(node, 'GET', '/status', { timeoutMs: nodeTimes.statusMs })
    .then(parseReport)
    .catch(() => undefined);

/** Compares the answers of the nodes, which were asked at the same time. */
export const compareNodes = (observed: readonly NodeObservation[]): ClusterStatus => {
  const answers = observed.map((one) => one.answer).filter((one) => one !== undefined);
  const furthest = Math.max(...answers.map((one) => one.appliedRevision));
  return {
    nodes: observed.map(({ node, isolated, process, answer: said }) => ({
      node,
      alive: said !== undefined,
      leader: said?.leader ?? false,
      appliedRevision: said?.appliedRevision ?? null,
      lag: said ? furthest - said.appliedRevision : null,
      digest: said?.digest?.hash ?? null,
      state: said?.state ?? (process === 'running' ? 'silent' : process),
      isolated,
      reason: said?.reason ?? null,
      etcd: said?.etcd ?? null,
      mayReadStale: isKnownToReadStale(said?.etcd ?? ''),
      masterKey: said?.masterKey ?? null,
      certificateEndsAt: said?.certificateEndsAt ?? null,
    })),
    equal: areEqual(answers),
  };
};

/**
 * Throws a sentence unless both other nodes serve, so that two whole copies stay when the data of this node
 * are deleted. A node serves only while its copy equals that of a majority.
 */
export const requireWholeCopies = ({ nodes }: ClusterStatus, node: number): void => {
  const whole = nodes.filter(
    (one) => one.node !== node && one.state === 'serving' && !one.isolated,
  ).length;
  if (whole >= 2) return;
  throw failure(
    `node ${node} keeps its data, because two whole copies must stay and ${whole === 1 ? 'only one other node serves' : 'no other node serves'}: start or heal the other nodes first`,
  );
};

/** A sentence about the nodes whose etcd may answer stale reads; `undefined` if there are none. */
export const findStaleReads = ({ nodes }: ClusterStatus): string | undefined => {
  const stale = nodes.filter(({ mayReadStale }) => mayReadStale);
  if (stale.length === 0) return undefined;
  const names = stale.map(({ node, etcd }) => `etcd ${etcd} of node ${node}`).join(', ');
  return `${names}: known to answer stale reads after a pause (docs/runbook.md names later releases)`;
};

/** A sentence about the nodes whose certificate ends soon; empty if there are none. */
const aboutCertificates = (nodes: readonly NodeStatus[]): readonly string[] => {
  const ending = nodes.filter(({ certificateEndsAt }) => endsSoon(certificateEndsAt));
  const names = ending.map(({ node, certificateEndsAt }) => `node ${node} at ${certificateEndsAt}`);
  return names.length === 0
    ? []
    : [
        `the certificate ends of ${names.join(', ')}: npm run cluster -- init FOLDER --renew makes another one ` +
          '(docs/deploy/machines.md); npm run cluster makes its own at its next start',
      ];
};

/** Formats the status for a person. */
export const tableOf = (status: ClusterStatus): string => {
  const { nodes, equal } = status;
  const rows = [
    ['node', 'alive', 'state', 'peers', 'leader', 'applied', 'lag', 'digest', 'key'],
    ...nodes.map((one) => [
      String(one.node),
      one.alive ? 'yes' : 'no',
      one.state,
      one.isolated ? 'cut off' : 'connected',
      one.leader ? 'yes' : 'no',
      String(one.appliedRevision ?? '-'),
      String(one.lag ?? '-'),
      one.digest?.slice(0, 12) ?? '-',
      one.masterKey ?? '-',
    ]),
  ];
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths?.[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const reasons = nodes.flatMap(({ node, reason }) => (reason ? [`node ${node}: ${reason}`] : []));
  const verdict = equal
    ? 'the digests at equal revisions are equal'
    : 'THE DIGESTS AT AN EQUAL REVISION DIFFER: see docs/runbook.md';
  return [...lines, ...reasons, findStaleReads(status) ?? [], aboutCertificates(nodes), verdict]
    .flat()
    .join('\n');
};
