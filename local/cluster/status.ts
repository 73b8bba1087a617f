/** Compares the reports of a cluster's nodes. */
import { endsSoon } from '../../functions/model/types.ts';
import { isKnownToReadStale } from '../../host/node/etcd-version.ts';
import { nodeTimes } from '../../host/node/node-times.ts';
import type { PeerCall } from '../../host/node/peers.ts';
import { areEqual, type NodeReport, parseReport } from '../../host/node/report.ts';
import { failure } from '../../system/failures.ts';
import { tableLines } from '../../system/table.ts';

type NodeStatus = Pick<
  NodeReport,
  'node' | 'alive' | 'leader' | 'reason' | 'etcd' | 'masterKey'
> & {
  readonly certificateEndsAt: string | null;
  /**
   * The last revision that the node has applied. It is `null`, like everything that only a node's
   * report contains, if the node did not answer.
   */
  readonly appliedRevision: number | null;
  /** How many revisions the node is behind the most advanced node. */
  readonly lag: number | null;
  /**
   * The hash of the node's data at the applied revision; also `null` if its etcd does not answer.
   */
  readonly digest: string | null;
  /**
   * The state as the node reports it. For a node that did not answer, `silent` if its process runs,
   * and otherwise the state of its process.
   */
  readonly state: string;
  /** Whether the command `isolate` has cut the node off from the other nodes. */
  readonly isolated: boolean;
  /** Whether the node's version of etcd is known to serve stale reads. */
  readonly mayReadStale: boolean;
};

export type ClusterStatus = {
  readonly nodes: readonly NodeStatus[];
  /**
   * False if two nodes have different digests at one revision, or if a node reports that it
   * differs.
   */
  readonly equal: boolean;
};

/** The state of a node as others observe it. */
export type NodeObservation = {
  readonly node: number;
  readonly isolated: boolean;
  /** The state of the process of a node that does not answer, such as `killed`. */
  readonly process: string;
  /** The node's report; `undefined` if it sent none in time, or one that cannot be read. */
  readonly answer: NodeReport | undefined;
};

/** Asks a node for its report; `undefined` if none arrives in time, or if it cannot be read. */
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
 * Throws a user-facing error unless both other nodes serve and neither is cut off, so that two
 * complete copies remain when the data of this node is deleted. A node serves only while its copy
 * equals that of a majority.
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

/**
 * Returns a sentence about the nodes whose etcd may serve stale reads; `undefined` if there are
 * none.
 */
export const findStaleReads = ({ nodes }: ClusterStatus): string | undefined => {
  const stale = nodes.filter(({ mayReadStale }) => mayReadStale);
  if (stale.length === 0) return undefined;
  const names = [...Map.groupBy(stale, ({ etcd }) => etcd)].map(
    ([etcd, running]) =>
      `etcd ${etcd} of node${running.length > 1 ? 's' : ''} ${running.map(({ node }) => node).join(', ')}`,
  );
  return `${names.join('; ')}: known to answer stale reads after a pause (docs/runbook.md names later releases)`;
};

/**
 * Returns a list of one sentence about the nodes whose certificate expires soon; an empty list if
 * there are none.
 */
const aboutCertificates = (nodes: readonly NodeStatus[]): readonly string[] => {
  const ending = nodes.filter(({ certificateEndsAt }) => endsSoon(certificateEndsAt));
  const names = ending.map(({ node, certificateEndsAt }) => `node ${node} at ${certificateEndsAt}`);
  return names.length === 0
    ? []
    : [
        `certificates expire soon: ${names.join(', ')}: npm run cluster -- init FOLDER --renew issues a new one ` +
          '(docs/deploy/machines.md); npm run cluster makes its own at its next start',
      ];
};

/** Formats the status for people. */
export const tableOf = (status: ClusterStatus): string => {
  const { nodes, equal } = status;
  const lines = tableLines(
    ['node', 'alive', 'state', 'peers', 'leader', 'applied', 'lag', 'digest', 'key'],
    nodes.map((one) => [
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
  );
  const reasons = nodes.flatMap(({ node, reason }) => (reason ? [`node ${node}: ${reason}`] : []));
  const verdict = equal
    ? 'the digests at equal revisions are equal'
    : 'THE DIGESTS AT AN EQUAL REVISION DIFFER: see docs/runbook.md';
  return [...lines, ...reasons, findStaleReads(status) ?? [], aboutCertificates(nodes), verdict]
    .flat()
    .join('\n');
};
