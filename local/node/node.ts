/** One vault node: its member of etcd, its front, and what it tells the other nodes. */

import { failure, isFailure, sentenceOf } from '../../system/failures.ts';
import { connectEtcd, type EtcdClient } from '../etcd/etcd-client.ts';
import { createFront, type Front } from '../etcd/front.ts';
import { startHttpFront } from '../etcd/http-front.ts';
import { connectMember, type MemberClient, type MemberStatus } from '../etcd/member-client.ts';
import { begin } from './beginning.ts';
import { type ClusterFile, clusterIdOf } from './cluster-file.ts';
import { areEqualFrom, compareCopies, type HashAnswer } from './comparing.ts';
import { openCounter } from './counter.ts';
import { createDamageFinder, findObstacle, tryEmptyFolder } from './damage.ts';
import { isKnownToReadStale } from './etcd-version.ts';
import { startExchange } from './exchange.ts';
import { type Member, memberAddress, requireEtcd, startMember } from './member.ts';
import { findServed, hasMemberFiles, keepServed } from './member-files.ts';
import type { NodeConfig } from './node-config.ts';
import {
  type AskPeer,
  askText,
  createAskPeer,
  type PeerRoute,
  type PeerServer,
  servePeers,
} from './peers.ts';
import { openNodeRecord } from './record.ts';
import { createReplacer } from './replacing.ts';
import {
  minorOf,
  type NodeKeyState,
  type NodeReport,
  type NodeStatus,
  statusOf,
} from './report.ts';
import { createSelf, hashMs } from './self.ts';
import { createShortage } from './space.ts';
import { createNodeState } from './state.ts';
import { startUpkeep } from './upkeep.ts';
import { startWatching, type Watching } from './watching.ts';

export type NodeOptions = {
  readonly config: NodeConfig;
  /** Locked by this process. */
  readonly folder: string;
  readonly cluster: ClusterFile;
  /** The table whose expired items are deleted. */
  readonly tableName: string;
  /** The attribute that holds the second at which an item expires. */
  readonly timeToLiveAttribute: string;
  /** How the node finds its master key now; `null` while it does not know. */
  readonly masterKey: () => NodeKeyState | null;
  /** Gets a sentence for each thing that happens to the node. */
  readonly report: (line: string) => void;
};

/** The services that a node reaches outside its own process. */
export type Surroundings = {
  readonly etcd: EtcdClient;
  readonly member: MemberClient;
  readonly ask: AskPeer;
  readonly servePeers: (routes: ReadonlyMap<string, PeerRoute>) => Promise<PeerServer>;
  readonly serveFront: typeof startHttpFront;
  readonly startMember: typeof startMember;
};

export type VaultNode = {
  /** DynamoDB's API over the data of all nodes, in this process. */
  readonly front: Front;
  /** The same over HTTP, on 127.0.0.1. `GET /status` tells how all nodes are. */
  readonly endpoint: string;
  /** The answer to `GET /status`. */
  readonly status: () => NodeStatus;
  /** Resolves when the node serves for the first time. */
  readonly serving: Promise<void>;
  /** Settles with the reason only if the node cannot go on. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

const callMs = 2_000;

/** Starts the node, and returns when its front listens. It serves once it has joined the other nodes. */
export const startNode = async (options: NodeOptions): Promise<VaultNode> => {
  const { config, folder, cluster } = options;
  requireEtcd();
  const address = memberAddress(folder);
  return await startNodeIn(options, {
    etcd: connectEtcd(address),
    member: connectMember(address),
    ask: createAskPeer(config, cluster),
    servePeers: (routes) => servePeers(config, cluster, routes),
    serveFront: startHttpFront,
    startMember,
  });
};

/** Starts the node in these surroundings. */
export const startNodeIn = async (
  options: NodeOptions,
  surroundings: Surroundings,
): Promise<VaultNode> => {
  const { config, folder, cluster, tableName, timeToLiveAttribute, report } = options;
  const { etcd, member, ask } = surroundings;
  const others = config.nodes.map(({ node }) => node).filter((node) => node !== config.node);
  const record = openNodeRecord(folder, config.node, clusterIdOf(cluster));
  const counter = openCounter(folder);
  const state = createNodeState(config.node, report);
  const closing = new AbortController();
  const { signal } = closing;
  const failing = Promise.withResolvers<Error>();
  let running: Member | undefined;
  let watching: Watching | undefined;

  const fail = (error: unknown): void => {
    if (signal.aborted) return;
    const sentence = `node ${config.node} stops: ${sentenceOf(error)}`;
    failing.resolve(isFailure(error) ? failure(sentence, { cause: error }) : Object(error));
  };

  const parts = { config, folder, member, record, counter, state, ask, signal };
  const self = createSelf({
    ...parts,
    tls: cluster.tls,
    masterKey: options.masterKey,
    watching: () => watching,
    memoryBytes: () => running?.memoryBytes() ?? null,
  });
  const exchange = startExchange({
    ...{ config, ask, record, counter, report },
    ownReport: self.report,
    onDiverged: () => watching?.compareSoon(),
  });
  const reports = (): readonly NodeReport[] => [self.report(), ...exchange.others()];

  const hashOf = async (node: number, revision: number): Promise<HashAnswer> => {
    // A silent node would hold up the comparison for as long as a hash may take.
    const isAlive = exchange.others().some((other) => other.node === node && other.alive);
    if (!isAlive) throw new Error(`node ${node} is silent`);
    const limits = { body: JSON.stringify({ revision }), timeoutMs: hashMs };
    return JSON.parse(await askText(ask, node, 'POST', '/hash', limits));
  };
  const compareWith = (nodes: readonly number[]) =>
    compareCopies({ hashOwn: self.hashNow, hashOf, others: nodes });

  const doOthersAgree = (revision: number): Promise<boolean> =>
    areEqualFrom({ revision, heard: exchange.others(), others, hashOf });
  const place = { config, folder, tls: cluster.tls, signal };
  const { findDoubt, forget } = createDamageFinder({
    findServed: () => findServed(folder),
    findObstacle: () => findObstacle(place),
    tryEmptyFolder: () => tryEmptyFolder(place),
    doOthersAgree,
  });
  const onServed = ({ version, revision }: MemberStatus): Promise<void> =>
    keepServed(folder, { release: minorOf(version), revision });
  const onServing = (known: MemberStatus): void => {
    forget();
    onServed(known).catch((error: unknown) => report(sentenceOf(error)));
  };
  const onEnded = (how: string): void => {
    watching?.forgetComparison();
    state.change('catching-up', how);
  };

  const replacer = createReplacer({
    config,
    member,
    compareWithout: (lost) => compareWith(others.filter((node) => node !== lost)),
    onReplaced: async (node) => {
      report(`node ${node} has a new member`);
      await record.forget(node);
    },
  });
  const peers = await surroundings.servePeers(
    new Map<string, PeerRoute>([
      ['GET /report', async () => JSON.stringify(self.report())],
      ['POST /report', (body) => exchange.hear(body)],
      ['GET /status', async () => JSON.stringify(await self.freshReport())],
      ['POST /hash', async (body) => JSON.stringify(await self.hashAt(JSON.parse(body).revision))],
      ['POST /member', replacer],
    ]),
  );

  const frontOptions = {
    client: etcd,
    timeToLiveAttribute,
    onGoneBack: (sentence: string) => fail(failure(sentence)),
  };
  const findShortage = createShortage({ reports, nodeCount: config.nodes.length, report });
  const front = createFront({
    ...frontOptions,
    admit: async (kind) => (await state.admit()) ?? (kind === 'write' ? findShortage() : undefined),
  });
  const status = () => statusOf(config.node, reports());
  const served = await surroundings.serveFront({ front, port: 0, status });

  const handOver = async (): Promise<void> => {
    const next = exchange.others().find((one) => one.alive && one.state === 'serving');
    if (next?.memberId) await member.moveLeader(next.memberId, performance.now() + callMs);
  };

  const run = async (): Promise<void> => {
    await begin({
      ...{ ...parts, etcd, exchange, hasMemberFiles: hasMemberFiles(folder) },
      startMember: async (askForMember, lost) => {
        const own = { ...place, clusterId: clusterIdOf(cluster), askForMember, findDoubt };
        const member = { ...own, onEnded, report, onFailed: fail };
        running = await surroundings.startMember(member, lost);
      },
    });
    if (signal.aborted) return;
    const { compareEveryMs, quotaBytes } = config;
    const compare = () => compareWith(others);
    const looking = { member, etcd, state, compare, handOver, compareEveryMs, onServing, signal };
    watching = startWatching(looking);
    const { version } = await member.status(performance.now() + callMs);
    if (isKnownToReadStale(version)) {
      report(
        `etcd ${version} is known to answer stale reads after a pause: docs/runbook.md names later releases`,
      );
    }
    void startUpkeep(
      {
        ...{ node: config.node, member, etcd, tableName, attribute: timeToLiveAttribute },
        // Deleting what has expired gains space, so it is admitted while writes are refused.
        front: createFront(frontOptions),
        quotaBytes,
        nodeCount: config.nodes.length,
        reports,
        onServed,
        onDefragmenting: (isDefragmenting) =>
          isDefragmenting
            ? state.change('defragmenting', 'its database is being defragmented')
            : state.change('catching-up', 'its database was defragmented'),
        report,
      },
      signal,
    );
  };
  const ran = run().catch(fail);

  return {
    front,
    endpoint: served.endpoint,
    status,
    serving: state.serving,
    failed: failing.promise,
    close: async () => {
      closing.abort();
      await served.close();
      await exchange.close();
      await peers.close();
      await ran;
      await running?.close();
      etcd.close();
      member.close();
    },
  };
};
