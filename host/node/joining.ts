/**
 * How a node starts, and what keeps an old disk out. A node's own files cannot show whether they
 * are the latest, but the other nodes know: they keep the highest start number (node-record.ts) and
 * counter (counter.ts) that they have received from it. Before etcd runs, `joinCluster` asks all of
 * them, and `decide` compares.
 *
 * - If the files are old, their numbers are lower; if the disk was wiped, there are none. The node
 *   moves its files aside, another node gives it a new member (replacing.ts), and etcd copies all
 *   data to that. The old files never serve again.
 * - If no node that answers knows of later files, the node starts with its own, once it and the
 *   answering nodes are a majority.
 * - If no node has files, they form a new cluster, once all of them answer.
 *
 * A node that cannot be sure waits, and says for which node.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from '../../system/failures.ts';
import { type EtcdClient, hasMajority } from '../etcd/etcd-client.ts';
import type { Counter } from './counter.ts';
import { type NodeConfig, othersOf } from './node-config.ts';
import type { NodeRecord } from './node-record.ts';
import { nodeTimes } from './node-times.ts';
import { otherCluster, type PeerCall } from './peers.ts';
import { type NodeReport, parseReport } from './report.ts';
import type { NodeState } from './state.ts';

export type StartOptions = {
  readonly config: NodeConfig;
  readonly ask: PeerCall;
  readonly record: NodeRecord;
  readonly counter: Counter;
  readonly hasMemberFiles: boolean;
  /** Called with a sentence that says what the node is waiting for, whenever that changes. */
  readonly waitFor: (reason: string) => void;
  readonly signal: AbortSignal;
};

export type JoiningOptions = Omit<StartOptions, 'waitFor'> & {
  readonly state: NodeState;
  readonly etcd: Pick<EtcdClient, 'range'>;
  /**
   * From the call on, the other nodes write down the start number and counter of this node's
   * reports. Resolves when a majority of the nodes has them.
   */
  readonly announce: () => Promise<void>;
  /**
   * Starts etcd. `lost` says why the existing files must not be used, so that a new member is
   * needed.
   */
  readonly startEtcd: (lost: string | undefined) => Promise<void>;
};

/**
 * Decides how to start, starts etcd, and has the other nodes write down this start. Returns when
 * the node may examine its etcd. If the signal aborts, it returns early or rejects. Throws a
 * failure if the node cannot continue.
 */
export const joinCluster = async (options: JoiningOptions): Promise<void> => {
  const { record, announce, state, startEtcd, signal } = options;
  /** Has the other nodes write down this start. */
  const enterCluster = async (): Promise<void> => {
    await record.enterCluster();
    await announce();
  };
  const waitFor = (why: string) => state.change('waiting', why);
  const lost = await decideStart({ ...options, waitFor });
  // etcd acknowledges entries as soon as it runs, so the others must write down this start before.
  // A node that needs a new member must not announce the start yet: if it died before it had the
  // member, its old files would match what the others wrote down.
  const isKnown = lost === undefined && record.isMember();
  if (isKnown) await enterCluster();
  if (signal.aborted) return;
  await startEtcd(lost);
  state.change('catching-up', 'it waits for a majority of the nodes');
  await untilMajority(options);
  if (!isKnown) await enterCluster();
};

/**
 * Resolves when etcd has a majority of its members and answers. If the signal aborts first,
 * resolves or rejects.
 */
const untilMajority = async ({ etcd, signal }: JoiningOptions): Promise<void> => {
  while (!signal.aborted && !(await hasMajority(etcd, nodeTimes.etcdCallMs))) {
    await sleep(nodeTimes.lookSoonMs, undefined, { signal });
  }
};

type Peers = ReadonlyMap<number, NodeReport>;

/**
 * Whether a call failed because the other node belongs to another cluster. The sentence that says
 * what this node waits for then mentions it. Other failures are not mentioned, except an expired
 * certificate.
 */
const isOfOtherCluster = (error: unknown): boolean =>
  /CERT|ISSUER|SIGNATURE/.test(codeOf(error) ?? '') || codeOf(error) === otherCluster;

const askAll = async ({ config, ask }: StartOptions) => {
  const received: NodeReport[] = [];
  const strangers: number[] = [];
  let hasExpired = false;
  const askOne = async (node: number): Promise<void> => {
    try {
      const text = await ask(node, 'GET', '/report', { timeoutMs: nodeTimes.silenceMs });
      received.push(parseReport(text));
    } catch (error) {
      if (codeOf(error) === 'CERT_HAS_EXPIRED') hasExpired = true;
      else if (isOfOtherCluster(error)) strangers.push(node);
    }
  };
  await Promise.all(othersOf(config).map(askOne));
  const inOrder = received.sort((one, other) => one.node - other.node);
  const reports: Peers = new Map(inOrder.map((report) => [report.node, report]));
  return { reports, strangers: strangers.sort(), hasExpired };
};

/**
 * Says why this node's files are older than the latest ones that its peers know of; `undefined` if
 * they are not.
 */
const findLoss = (options: StartOptions, peers: Peers) => {
  const { config, record, counter } = options;
  const known = [...peers.values()].flatMap(({ node, heard }) => {
    const own = heard[String(config.node)];
    return own === undefined ? [] : [{ node, ...own }];
  });
  const lost = known.find((own) => record.start() <= own.start || counter.value() < own.counter);
  if (lost === undefined) return undefined;
  // Continue above the highest number that any peer remembers. Otherwise that peer would consider
  // the new files old at the next start.
  record.startAfter(Math.max(...known.map(({ start }) => start)));
  counter.startAfter(Math.max(...known.map(({ counter: value }) => value)));
  return `node ${lost.node} heard of its start ${lost.start} at counter ${lost.counter}, which is missing in its files`;
};

type Decision =
  | { readonly begin: true; readonly lost: string | undefined }
  | { readonly begin: false; readonly reason: string };

/** Decides how the node starts, from its own files and the reports of its peers. */
const decide = (options: StartOptions, peers: Peers): Decision => {
  const { config, record, hasMemberFiles } = options;
  const lost = findLoss(options, peers);
  if (lost !== undefined) return { begin: true, lost };
  const missing = othersOf(config).filter((node) => !peers.has(node));
  if (hasMemberFiles) {
    if (peers.size + 1 > config.nodes.length / 2) return { begin: true, lost: undefined };
    return { begin: false, reason: `it waits for another node: ${missing.join(' or ')}` };
  }
  const [member] = [...peers.values()].filter((peer) => peer.member);
  if (member) {
    return { begin: true, lost: `it has no files, and node ${member.node} is in the cluster` };
  }
  // Some nodes may have files of a new cluster that never had a majority. Joining it is safe,
  // because etcd derives the ids of a cluster and its first members from their addresses, so it is
  // the same cluster.
  if (missing.length === 0 && !record.isMember()) return { begin: true, lost: undefined };
  const awaited = missing.length > 0 ? `node ${missing.join(' and ')}` : 'a node that has some';
  return { begin: false, reason: `it has no files and waits for ${awaited}` };
};

/**
 * Resolves when etcd may start. Resolves to `undefined` if etcd starts with its files, or without
 * any because all nodes form a new cluster. If the files are missing or not the latest, resolves to
 * a sentence that says why, and the node needs a new member. Rejects if the signal aborts first.
 */
export const decideStart = async (options: StartOptions): Promise<string | undefined> => {
  for (let said = ''; ; ) {
    const { reports, strangers, hasExpired } = await askAll(options);
    const decision = decide(options, reports);
    if (decision.begin) return decision.lost;
    const [is, names] = [strangers.length > 1 ? 'are' : 'is', strangers.join(' and ')];
    const other = `; node ${names} ${is} of another cluster: all nodes need the same cluster.json`;
    const expired = '; the certificate of the nodes has expired: docs/deploy/machines.md renews it';
    const reason =
      decision.reason + (strangers.length > 0 ? other : '') + (hasExpired ? expired : '');
    if (reason !== said) options.waitFor(reason);
    said = reason;
    await sleep(nodeTimes.askEveryMs, undefined, { signal: options.signal });
  }
};
