/**
 * One vault node: its member of etcd, the items in it, and what it tells the other nodes. `startNodeIn` is where to
 * begin reading: the node exchanges reports with the others (exchange.ts), joins them (joining.ts), compares
 * its copy with theirs (comparing.ts) and decides whether it serves (watching.ts), and looks after its etcd
 * (upkeep.ts). A node that lost its files gets a new member (replacing.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Item } from '../../functions/store/items.ts';
import type { ItemsOf, Table } from '../../functions/store/ports.ts';
import { failure, isFailure, sentenceOf } from '../../system/failures.ts';
import { connectEtcd, type EtcdClient } from '../etcd/etcd-client.ts';
import { createEtcdItems } from '../etcd/etcd-items.ts';
import { createEtcd, type Etcd } from '../etcd/group-commit.ts';
import { connectMember, type MemberClient, type MemberStatus } from '../etcd/member-client.ts';
import { readPages } from '../etcd/snapshot.ts';
import { putTable } from '../etcd/stored-items.ts';
import { endOf } from '../http/tls.ts';
import { type ClusterFile, clusterIdOf } from './cluster-file.ts';
import {
  areEqualFrom,
  type Comparison,
  compareCopies,
  type HashAnswer,
  type Read,
  readLatest,
} from './comparing.ts';
import { isKnownToReadStale, minorOf } from './etcd-version.ts';
import { type Exchange, startExchange } from './exchange.ts';
import { createHashing, type Hashing } from './hashing.ts';
import {
  type Counter,
  joinCluster,
  type NodeRecord,
  openCounter,
  openNodeRecord,
} from './joining.ts';
import { tryEmptyFolder } from './lone-etcd.ts';
import { type Member, memberAddress, requireEtcd, startMember } from './member.ts';
import { findServed, hasMemberFiles, keepServed } from './member-files.ts';
import { type NodeConfig, othersOf } from './node-config.ts';
import { serveNodeSocket } from './node-socket.ts';
import { nodeTimes } from './node-times.ts';
import {
  createPeerCall,
  type PeerCall,
  type PeerRoute,
  type PeerServer,
  servePeers,
} from './peers.ts';
import {
  askForMember,
  createDamageFinder,
  createReplacer,
  type DamageFinder,
  findObstacle,
} from './replacing.ts';
import { type NodeKeyState, type NodeReport, type NodeStatus, statusOf } from './report.ts';
import { createShortage, measureSpace } from './space.ts';
import { createNodeState, type NodeState } from './state.ts';
import { startUpkeep } from './upkeep.ts';
import {
  compareSoon,
  type EtcdFacts,
  forgetComparison,
  learnRevision,
  noFacts,
  watchEtcd,
} from './watching.ts';

export type NodeOptions = {
  readonly config: NodeConfig;
  /** Locked by this process. */
  readonly folder: string;
  readonly cluster: ClusterFile;
  /** How the node finds its master key now; `null` while it does not know. */
  readonly masterKey: () => NodeKeyState | null;
  /** The check value of its key, for the other nodes; `null` if it has none to tell. */
  readonly keyCheck: () => string | null;
  /** Called with a sentence for each event of the node. */
  readonly report: (line: string) => void;
};

/** The services that a node reaches outside its own process. */
export type Surroundings = {
  readonly etcd: EtcdClient;
  /** The connection for the requests of callers. */
  readonly etcdOfCallers: EtcdClient;
  readonly member: MemberClient;
  readonly ask: PeerCall;
  readonly servePeers: (routes: ReadonlyMap<string, PeerRoute>) => Promise<PeerServer>;
  readonly serveSocket: typeof serveNodeSocket;
  readonly startMember: typeof startMember;
};

export type VaultNode = {
  /** The data of all nodes. Refused while the node does not serve, and writes while space is short. */
  readonly itemsOf: ItemsOf;
  /** All items, each page as it is when it is read. Throws why not if the node does not serve. */
  readonly pages: Table['pages'];
  /** The status of all nodes, as this one knows it. */
  readonly status: () => NodeStatus;
  /** The last reports of the other nodes. */
  readonly others: () => readonly NodeReport[];
  /** Resolves when the node serves for the first time. */
  readonly serving: Promise<void>;
  /** Settles with the reason only if the node cannot go on. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

/** The state of a node, and what it reaches. The functions below keep nothing of their own. */
type Node = NodeOptions &
  Surroundings & {
    readonly others: readonly number[];
    readonly record: NodeRecord;
    readonly counter: Counter;
    readonly state: NodeState;
    readonly facts: EtcdFacts;
    readonly hashing: Hashing;
    readonly exchange: Exchange;
    /** In ISO 8601. */
    readonly certificateEndsAt: string;
    /** Aborts when the node is closed. */
    readonly signal: AbortSignal;
    /** Ends the node for this reason. */
    readonly fail: (error: unknown) => void;
    /** The node's etcd, from its first start on. */
    running: Member | undefined;
  };

/** Starts the node, and returns when its socket listens. `serving` resolves once the node has joined the others. */
export const startNode = async (options: NodeOptions): Promise<VaultNode> => {
  const { config, folder, cluster } = options;
  requireEtcd();
  const address = memberAddress(folder);
  return await startNodeIn(options, {
    etcd: connectEtcd(address),
    etcdOfCallers: connectEtcd(config.etcdProxy ?? address),
    member: connectMember(address),
    ask: createPeerCall(config, cluster),
    servePeers: (routes) => servePeers(config, cluster, routes),
    serveSocket: serveNodeSocket,
    startMember,
  });
};

/** Starts the node in these surroundings. */
export const startNodeIn = async (
  options: NodeOptions,
  surroundings: Surroundings,
): Promise<VaultNode> => {
  const closing = new AbortController();
  const { promise: failed, resolve: fail } = Promise.withResolvers<Error>();
  const node = openNode(options, surroundings, closing.signal, fail);
  const peers = await node.servePeers(routesOf(node));
  const itemsOf = createGuardedItems(node);
  const status = () => statusOf(node.config.node, reportsOf(node));
  const socket = await node.serveSocket({ folder: node.folder, status, itemsOf });
  const ran = run(node).catch(node.fail);
  return {
    itemsOf,
    pages: () => pagesOf(node),
    status,
    others: node.exchange.others,
    serving: node.state.serving.then(() => untilTable(node)),
    failed,
    close: async () => {
      closing.abort();
      await socket.close();
      await node.exchange.close();
      await peers.close();
      await ran;
      await node.running?.close();
      node.etcd.close();
      node.etcdOfCallers.close();
      node.member.close();
    },
  };
};

/** Reads what the node kept, and begins to exchange reports with the others. */
const openNode = (
  options: NodeOptions,
  surroundings: Surroundings,
  signal: AbortSignal,
  onFailed: (error: Error) => void,
): Node => {
  const { config, folder, cluster, report } = options;
  const { ask, member } = surroundings;
  const facts = noFacts(findServed(folder)?.revision);
  const own = {
    ...options,
    ...surroundings,
    ...{ others: othersOf(config), facts, hashing: createHashing(member, facts), signal },
    record: openNodeRecord(folder, config.node, clusterIdOf(cluster)),
    counter: openCounter(folder),
    state: createNodeState(config.node, report),
    certificateEndsAt: endOf(cluster.tls),
    running: undefined,
    fail: (error: unknown): void => {
      if (signal.aborted) return;
      const sentence = `node ${config.node} stops: ${sentenceOf(error)}`;
      onFailed(isFailure(error) ? failure(sentence, { cause: error }) : Object(error));
    },
  };
  const exchange = startExchange({
    ...{ config, ask, report, record: own.record },
    counter: { ...own.counter, raise: () => keepNumbers(own) },
    ownReport: () => ownReport(own),
    onDoubt: () => compareSoon(facts),
  });
  return { ...own, exchange };
};

/** Raises the counter, and writes the highest revision that the node knows beside it. */
const keepNumbers = async (node: Omit<Node, 'exchange'>): Promise<void> => {
  const { counter, state, facts } = node;
  const status = state.state() === 'serving' ? facts.status : undefined;
  await Promise.all([counter.raise(), status && remember(node, status)]);
};

const ownReport = (node: Omit<Node, 'exchange'>): NodeReport => {
  const { config, state, facts, record, counter, masterKey, keyCheck, certificateEndsAt } = node;
  const { status, space, hash, comparedAt, knownRevision } = facts;
  return {
    node: config.node,
    alive: true,
    state: state.state(),
    reason: state.reason(),
    leader: status?.isLeader ?? false,
    // A hash may be newer than the last look at etcd.
    appliedRevision: Math.max(status?.revision ?? 0, hash?.revision ?? 0),
    knownRevision,
    digest: hash,
    comparedAt: comparedAt?.toISOString() ?? null,
    etcd: status?.version ?? null,
    memberId: status?.memberId ?? null,
    space: space ?? null,
    masterKey: masterKey(),
    keyCheck: keyCheck(),
    certificateEndsAt,
    start: record.start(),
    counter: counter.value(),
    member: record.isMember(),
    heard: record.heard(),
  };
};

/** The last report of each node that was heard, and of this one. */
const reportsOf = (node: Node): readonly NodeReport[] => [
  ownReport(node),
  ...node.exchange.others(),
];

/** The routes for other nodes, and for `npm run cluster -- status`. */
const routesOf = (node: Node): ReadonlyMap<string, PeerRoute> => {
  const { config, member, exchange, hashing, others, record, report } = node;
  const replace = createReplacer({
    config,
    member,
    compareWithout: (lost) =>
      compareWith(
        node,
        others.filter((other) => other !== lost),
      ),
    onReplaced: async (other) => {
      report(`node ${other} has a new member`);
      await record.forget(other);
    },
  });
  return new Map<string, PeerRoute>([
    ['GET /report', async () => JSON.stringify(ownReport(node))],
    ['POST /report', (body) => exchange.hear(body)],
    ['GET /status', async () => JSON.stringify(await freshReport(node))],
    ['POST /hash', async (body) => JSON.stringify(await hashing.at(JSON.parse(body).revision))],
    ['POST /member', replace],
  ]);
};

/** The report with a hash of the last revision, so that whoever asks all nodes can compare them. */
const freshReport = async (node: Node): Promise<NodeReport> => {
  // An etcd without a majority may not answer at all; the node must still say why it does not serve.
  await Promise.race([
    node.hashing.forStatus(),
    sleep(nodeTimes.freshReportMs, undefined, { ref: false }),
  ]);
  return ownReport(node);
};

const openEtcd = (client: EtcdClient, { fail, facts }: Node): Etcd =>
  createEtcd({
    client,
    onGoneBack: (sentence) => fail(failure(sentence)),
    onAnswer: (revision) => learnRevision(facts, revision),
  });

/** The items that callers reach: requests are refused while the node does not serve, and writes while space is short. */
const createGuardedItems = (node: Node): ItemsOf => {
  const { config, state, report } = node;
  const reports = () => reportsOf(node);
  const findShortage = createShortage({ reports, nodeCount: config.nodes.length, report });
  return createEtcdItems(
    openEtcd(node.etcdOfCallers, node),
    async (kind) => (await state.admit()) ?? (kind === 'write' ? findShortage() : undefined),
  );
};

async function* pagesOf({ state, etcdOfCallers }: Node): AsyncGenerator<readonly Item[]> {
  const closed = await state.admit();
  if (closed !== undefined) throw new Error(closed);
  yield* readPages(etcdOfCallers.range, {});
}

/** Makes the table that nodes of 1.0.0 ask for, if it is missing. Never resolves if the node is closed before. */
const untilTable = async ({ etcd, signal }: Node): Promise<void> => {
  for (;;) {
    const isThere = putTable(etcd, performance.now() + nodeTimes.etcdCallMs).then(
      () => true,
      () => false,
    );
    if (signal.aborted) return await new Promise(() => undefined);
    if (await isThere) return;
    await sleep(nodeTimes.lookEveryMs, undefined, { ref: false });
  }
};

/** Joins the other nodes, and looks after etcd from then on. Throws if the node cannot go on. */
const run = async (node: Node): Promise<void> => {
  const { folder, member, exchange, report, signal } = node;
  const damage = findDamage(node);
  await joinCluster({
    ...node,
    hasMemberFiles: hasMemberFiles(folder),
    announce: exchange.announce,
    startEtcd: (lost) => startEtcd(node, damage, lost),
  });
  if (signal.aborted) return;
  void watch(node, damage);
  const { version } = await member.status(performance.now() + nodeTimes.etcdCallMs);
  if (isKnownToReadStale(version)) {
    report(
      `etcd ${version} is known to answer stale reads after a pause: docs/runbook.md names later releases`,
    );
  }
  void keepUp(node);
};

const findDamage = (node: Node): DamageFinder => {
  const { folder, exchange, others, facts } = node;
  const place = { ...node, tls: node.cluster.tls };
  return createDamageFinder({
    findServed: () => findServed(folder),
    findObstacle: () => findObstacle(place),
    tryEmptyFolder: () => tryEmptyFolder(place),
    doOthersAgree: (revision) =>
      areEqualFrom({
        revision: Math.max(revision, facts.knownRevision),
        heard: exchange.others(),
        others,
        hashOf: (other, at) => hashOf(node, other, at),
      }),
  });
};

/** Starts the node's etcd. `lost`: why its files must not be used, and a new member is needed. */
const startEtcd = async (
  node: Node,
  { findDoubt }: DamageFinder,
  lost: string | undefined,
): Promise<void> => {
  const { config, folder, cluster, facts, state, report, fail } = node;
  const options = {
    ...{ config, folder, tls: cluster.tls, clusterId: clusterIdOf(cluster) },
    onLost: (why: string) => getNewMember(node, why),
    onEnded: (how: string) => {
      forgetComparison(facts);
      state.change('catching-up', how);
    },
    ...{ findDoubt, report, onFailed: fail },
  };
  node.running = await node.startMember(options, lost);
};

/**
 * Resolves when another node has given a new member, to all members as etcd's option `initial-cluster` has
 * them.
 */
const getNewMember = async (node: Node, why: string): Promise<string> => {
  const { config, ask, others, state, facts, signal } = node;
  state.change('joining', why);
  const onRefused = (refusal: string) =>
    state.change('joining', `${why}; it has no new member yet: ${refusal}`);
  const { cluster } = await askForMember({ node: config.node, ask, others, onRefused, signal });
  // What a damaged etcd said does not bind the new member, which gets what a majority holds.
  facts.knownRevision = 0;
  return cluster;
};

/** Decides again and again whether the node serves. */
const watch = async (node: Node, damage: DamageFinder): Promise<void> => {
  const { config, folder, others, report } = node;
  await watchEtcd({
    ...node,
    compareEveryMs: config.compareEveryMs,
    read: () => readOf(node),
    compare: () => compareWith(node, others),
    measureSpace: (status) =>
      measureSpace(folder, config.quotaBytes, status, node.running?.memoryBytes() ?? null),
    handOver: () => handOver(node),
    onServing: (status) => {
      damage.forget();
      remember(node, status).catch((error: unknown) => report(sentenceOf(error)));
    },
  });
};

/** Writes down which etcd serves the files of the node, and up to which revision. */
const remember = (
  { folder, facts }: Pick<Node, 'folder' | 'facts'>,
  { version }: MemberStatus,
): Promise<void> =>
  keepServed(folder, { release: minorOf(version), revision: facts.knownRevision });

const readOf = ({ etcd, exchange, facts }: Node): Promise<Read> =>
  readLatest(etcd, () => ({ own: facts.knownRevision, others: exchange.committed() }));

const compareWith = (node: Node, others: readonly number[]): Promise<Comparison> =>
  compareCopies({
    read: () => readOf(node),
    hashOwn: node.hashing.now,
    hashOf: (other, revision) => hashOf(node, other, revision),
    others,
  });

const hashOf = async (
  { ask, exchange }: Node,
  other: number,
  revision: number,
): Promise<HashAnswer> => {
  // A silent node would hold up the comparison for as long as a hash may take.
  const isAlive = exchange.others().some(({ node, alive }) => node === other && alive);
  if (!isAlive) throw new Error(`node ${other} is silent`);
  const limits = { body: JSON.stringify({ revision }), timeoutMs: nodeTimes.hashMs };
  return JSON.parse(await ask(other, 'POST', '/hash', limits));
};

/** Does nothing if no other node serves. */
const handOver = async ({ exchange, member }: Node): Promise<void> => {
  const next = exchange.others().find(({ alive, state }) => alive && state === 'serving');
  if (next?.memberId)
    await member.moveLeader(next.memberId, performance.now() + nodeTimes.etcdCallMs);
};

const keepUp = async (node: Node): Promise<void> => {
  const { config, state, signal } = node;
  const options = {
    ...{ ...node, node: config.node },
    deletions: openEtcd(node.etcd, node),
    quotaBytes: config.quotaBytes,
    nodeCount: config.nodes.length,
    reports: () => reportsOf(node),
    onDefragmenting: (isDefragmenting: boolean) =>
      isDefragmenting
        ? state.change('defragmenting', 'its database is being defragmented')
        : state.change('catching-up', 'its database was defragmented'),
  };
  await startUpkeep(options, signal);
};
