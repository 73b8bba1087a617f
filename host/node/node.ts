/**
 * One vault node: its etcd member, the items in it, and its reports to the other nodes. Start
 * reading at `startNodeIn`. `openParts` creates the parts of the node, and only a part itself
 * changes its state. `run` joins the cluster (joining.ts), then watches etcd (watching.ts) and does
 * the upkeep (upkeep.ts).
 */
import type { ItemsOf } from '../../functions/store/ports.ts';
import { failure, isFailure, sentenceOf } from '../../system/failures.ts';
import { connectEtcd, type EtcdClient } from '../etcd/etcd-client.ts';
import { createEtcd, type Etcd } from '../etcd/group-commit.ts';
import { connectMember, type MemberClient } from '../etcd/member-client.ts';
import { endOf } from '../http/tls.ts';
import { type ClusterFile, clusterIdOf } from './cluster-file.ts';
import { createCopies } from './copies.ts';
import { openCounter } from './counter.ts';
import { createDamageFinder, findObstacle } from './damage.ts';
import { isKnownToReadStale } from './etcd-version.ts';
import { startExchange } from './exchange.ts';
import { createHashing } from './hashing.ts';
import { joinCluster } from './joining.ts';
import { openKnownRevision } from './known-revision.ts';
import { tryEmptyFolder } from './lone-etcd.ts';
import { memberAddress, requireEtcd, startMember } from './member.ts';
import { findServed, hasMemberFiles } from './member-files.ts';
import { type NodeConfig, othersOf } from './node-config.ts';
import { openNodeRecord } from './node-record.ts';
import { routesOf } from './node-routes.ts';
import { serveNodeSocket } from './node-socket.ts';
import { nodeTimes } from './node-times.ts';
import { createOwnMember } from './own-member.ts';
import { ownReportOf } from './own-report.ts';
import {
  createPeerCall,
  type PeerCall,
  type PeerRoute,
  type PeerServer,
  servePeers,
} from './peers.ts';
import { type NodeKeyState, type NodeReport, type NodeStatus, statusOf } from './report.ts';
import { createServedItems } from './served-items.ts';
import { measureSpace } from './space.ts';
import { createNodeState } from './state.ts';
import { startUpkeep } from './upkeep.ts';
import { watchEtcd } from './watching.ts';

export type NodeOptions = {
  readonly config: NodeConfig;
  /** The node's data folder, which this process must have locked. */
  readonly folder: string;
  readonly cluster: ClusterFile;
  /** The state of the node's master key; `null` while it is unknown. */
  readonly masterKey: () => NodeKeyState | null;
  /** Called with a sentence for each event of the node. */
  readonly report: (line: string) => void;
};

/** Everything that a node uses outside its own process. */
export type Surroundings = {
  readonly etcd: EtcdClient;
  /** The connection to etcd that serves callers' requests. The node's own calls use `etcd`. */
  readonly etcdOfCallers: EtcdClient;
  readonly member: MemberClient;
  readonly ask: PeerCall;
  readonly servePeers: (routes: ReadonlyMap<string, PeerRoute>) => Promise<PeerServer>;
  readonly serveSocket: typeof serveNodeSocket;
  readonly startMember: typeof startMember;
};

export type VaultNode = {
  /**
   * The items that all nodes share, as callers' requests use them. Access is refused while the node
   * does not serve, and writes are refused while space is short.
   */
  readonly itemsOf: ItemsOf;
  /** The status of all nodes, as this one knows it. */
  readonly status: () => NodeStatus;
  /** Resolves when the node serves for the first time. */
  readonly serving: Promise<void>;
  /** Settles only if the node cannot continue, with the reason. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

/**
 * Starts the node, and returns when its socket listens. `serving` resolves once the node serves.
 */
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

/** Starts the node with the given services. */
export const startNodeIn = async (
  options: NodeOptions,
  surroundings: Surroundings,
): Promise<VaultNode> => {
  const { config, folder, report } = options;
  const { etcd, etcdOfCallers, member } = surroundings;
  const closing = new AbortController();
  const { signal } = closing;
  const { promise: failed, resolve: onFailed } = Promise.withResolvers<Error>();
  const fail = (error: unknown): void => {
    if (signal.aborted) return;
    const sentence = `node ${config.node} stops: ${sentenceOf(error)}`;
    onFailed(isFailure(error) ? failure(sentence, { cause: error }) : Object(error));
  };
  const parts = openParts(options, surroundings, signal, fail);
  const { state, exchange, hashing, copies, record, known, ownMember, ownReport } = parts;
  const reports = (): readonly NodeReport[] => [ownReport(), ...exchange.others()];
  const status = () => statusOf(config.node, reports());
  const openEtcd = (client: EtcdClient): Etcd =>
    createEtcd({
      client,
      onGoneBack: (sentence) => fail(failure(sentence)),
      onAnswer: known.learn,
    });

  const peers = await surroundings.servePeers(
    routesOf({
      ...{ ownReport, exchange, hashing },
      replacing: {
        ...{ config, member },
        compareWithout: (lost) =>
          copies.compareWith(othersOf(config).filter((other) => other !== lost)),
        onReplaced: async (other) => {
          report(`node ${other} has a new member`);
          await record.forget(other);
        },
      },
    }),
  );
  const nodeCount = config.nodes.length;
  const itemsOf = createServedItems(openEtcd(etcdOfCallers), state, { reports, nodeCount, report });
  const socket = await surroundings.serveSocket({ folder, status, itemsOf });
  const ran = run(options, surroundings, parts, openEtcd(etcd), signal).catch(fail);
  return {
    itemsOf,
    status,
    serving: state.serving,
    failed,
    close: async () => {
      closing.abort();
      await socket.close();
      await exchange.close();
      await peers.close();
      await ran;
      await ownMember.close();
      etcd.close();
      etcdOfCallers.close();
      member.close();
    },
  };
};

/**
 * Reads what the node remembers, creates its parts and begins to exchange reports. Only a part
 * itself changes its state; the others ask it.
 */
const openParts = (
  options: NodeOptions,
  surroundings: Surroundings,
  signal: AbortSignal,
  fail: (error: unknown) => void,
) => {
  const { config, folder, cluster, masterKey, report } = options;
  const { etcd, member, ask } = surroundings;
  const others = othersOf(config);
  const certificateEndsAt = endOf(cluster.tls);
  const known = openKnownRevision(folder);
  const record = openNodeRecord(folder, config.node, clusterIdOf(cluster));
  const counter = openCounter(folder);
  const state = createNodeState(config.node, report);
  const hashing = createHashing(member, () => watch.status()?.dbBytesInUse ?? 0);
  // The watch checks nothing until its `run` is called. By then all the parts that it uses exist.
  const watch = watchEtcd({
    ...{ member, state, learn: known.learn, compareEveryMs: config.compareEveryMs },
    read: () => copies.read(),
    compare: () => copies.compareWith(others),
    measureSpace: (status) =>
      measureSpace(folder, config.quotaBytes, status, ownMember.memoryBytes()),
    transferLeadership: () => transferLeadership(member, exchange.others()),
    onServing: (status) => {
      damage.forget();
      known.keep(status).catch((error: unknown) => report(sentenceOf(error)));
    },
  });
  const about = { node: config.node, masterKey, certificateEndsAt };
  const ownReport = () => ownReportOf({ ...about, state, watch, hashing, known, record, counter });
  /**
   * Raises the counter. While the node serves, also writes the highest revision that it knows next
   * to the counter.
   */
  const raise = async (): Promise<void> => {
    const status = state.state() === 'serving' ? watch.status() : undefined;
    await Promise.all([counter.raise(), status && known.keep(status)]);
  };
  const exchange = startExchange({
    ...{ config, ask, record, counter: { ...counter, raise }, ownReport, report },
    onDoubt: watch.compareSoon,
  });
  const copies = createCopies({ etcd, ask, others, hashing, known, exchange });
  const place = { config, folder, tls: cluster.tls };
  const damage = createDamageFinder({
    findServed: () => findServed(folder),
    findObstacle: () => findObstacle(place),
    tryEmptyFolder: () => tryEmptyFolder({ ...place, signal }),
    doOthersAgree: copies.doOthersAgree,
  });
  const ownMember = createOwnMember({
    ...{ config, folder, cluster, startMember: surroundings.startMember, ask },
    ...{ state, watch, known, damage, report, fail, signal },
  });
  return { record, counter, known, state, hashing, watch, exchange, copies, ownMember, ownReport };
};

/** Hands leadership to another node that serves. Does nothing if there is none. */
const transferLeadership = async (
  member: MemberClient,
  others: readonly NodeReport[],
): Promise<void> => {
  const next = others.find(({ alive, state }) => alive && state === 'serving');
  if (next?.memberId)
    await member.moveLeader(next.memberId, performance.now() + nodeTimes.etcdCallMs);
};

/**
 * Joins the other nodes, and then watches and maintains etcd. Throws if the node cannot continue.
 */
const run = async (
  { config, folder, report }: NodeOptions,
  { etcd, member, ask }: Surroundings,
  { record, counter, state, watch, exchange, ownMember }: ReturnType<typeof openParts>,
  deletions: Etcd,
  signal: AbortSignal,
): Promise<void> => {
  await joinCluster({
    ...{ config, ask, record, counter, state, etcd, signal },
    hasMemberFiles: hasMemberFiles(folder),
    announce: exchange.announce,
    startEtcd: ownMember.start,
  });
  if (signal.aborted) return;
  void watch.run(signal);
  const { version } = await member.status(performance.now() + nodeTimes.etcdCallMs);
  if (isKnownToReadStale(version)) {
    report(
      `etcd ${version} is known to answer stale reads after a pause: docs/runbook.md names later releases`,
    );
  }
  const isServing = () => state.state() === 'serving';
  const { quotaBytes } = config;
  void startUpkeep({ member, etcd, deletions, quotaBytes, isServing, report }, signal);
};
