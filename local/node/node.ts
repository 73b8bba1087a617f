/** One vault node: its member of etcd, its front, and what it says to the other nodes. */
import { statfsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, isFailure, sentenceOf } from '../../system/failures.ts';
import type { ClusterFile } from '../cluster/cluster-file.ts';
import { connectEtcd } from '../etcd/client.ts';
import { createFront, type Front } from '../etcd/front.ts';
import { startHttpFront } from '../etcd/http-front.ts';
import { connectMember, type MemberStatus } from '../etcd/member-client.ts';
import { compareCopies, digestOf, type HashAnswer } from './comparison.ts';
import type { NodeConfig } from './config.ts';
import { openCounter } from './counter.ts';
import { isKnownToReadStale } from './etcd-version.ts';
import { startExchange } from './exchange.ts';
import { decideStart } from './joining.ts';
import { type Member, memberAddress, requireEtcd, startMember } from './member.ts';
import { hasMemberFiles } from './member-files.ts';
import { askText, createAskPeer, type PeerRoute, servePeers } from './peers.ts';
import { openNodeRecord } from './record.ts';
import { askForMember, createReplacer } from './replacement.ts';
import { areEqual, type Digest, type NodeReport, shownOf } from './report.ts';
import { findSpaceRefusal, type Space } from './space.ts';
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
  /** Gets a sentence for each thing that happens to the node. */
  readonly report: (line: string) => void;
};

export type VaultNode = {
  /** DynamoDB's API over the data of all nodes, in this process. */
  readonly front: Front;
  /** The same over HTTP, on 127.0.0.1. `GET /status` tells how all nodes are. */
  readonly endpoint: string;
  /** Resolves when the node serves for the first time. */
  readonly serving: Promise<void>;
  /** Settles with the reason only if the node cannot go on. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

const callMs = 2_000;
/** A hash takes about half a millisecond for each megabyte of the database. */
const hashMs = 30_000;
/** A program that asks for the status waits for one second. */
const freshMs = 500;
const retryMs = 100;
const within = (ms: number): number => performance.now() + ms;

/** Starts the node, and returns when its front listens. It serves once it has joined the other nodes. */
export const startNode = async (options: NodeOptions): Promise<VaultNode> => {
  const { config, folder, cluster, tableName, timeToLiveAttribute, report } = options;
  requireEtcd();
  const others = config.nodes.map(({ node }) => node).filter((node) => node !== config.node);
  const record = openNodeRecord(folder, config.node);
  const counter = openCounter(folder);
  const state = createNodeState(config.node, report);
  const address = memberAddress(folder);
  const etcd = connectEtcd(address);
  const member = connectMember(address);
  const ask = createAskPeer(config, cluster.tls);
  const closing = new AbortController();
  const { signal } = closing;
  const failing = Promise.withResolvers<Error>();
  let running: Member | undefined;
  let watching: Watching | undefined;
  let digest: Digest | null = null;

  const fail = (error: unknown): void => {
    if (signal.aborted) return;
    const sentence = `node ${config.node} stops: ${sentenceOf(error)}`;
    failing.resolve(isFailure(error) ? failure(sentence, { cause: error }) : Object(error));
  };

  let diskFreeBytes = 0;
  let measuredFor: MemberStatus | undefined;
  const spaceOf = (status: MemberStatus): Space => {
    // Every write asks for the space, so the disk is asked once for each look at etcd.
    if (status !== measuredFor) {
      const { bavail, bsize } = statfsSync(folder);
      diskFreeBytes = bavail * bsize;
      measuredFor = status;
    }
    const { dbBytes, dbBytesInUse } = status;
    return { dbBytes, dbBytesInUse, quotaBytes: config.quotaBytes, diskFreeBytes };
  };

  const ownReport = (): NodeReport => {
    const status = watching?.status();
    return {
      node: config.node,
      alive: true,
      state: state.state(),
      reason: state.reason(),
      leader: status?.isLeader ?? false,
      // A hash may be newer than the last look at etcd.
      appliedRevision: Math.max(status?.revision ?? 0, digest?.revision ?? 0),
      digest,
      comparedAt: watching?.comparedAt()?.toISOString() ?? null,
      etcd: status?.version ?? null,
      memberId: status?.memberId ?? null,
      space: status ? spaceOf(status) : null,
      start: record.start(),
      counter: counter.value(),
      member: record.isMember(),
      heard: record.heard(),
      restore: record.restore(),
    };
  };

  const hashAt = async (revision: number): Promise<HashAnswer> => {
    const { version } = await member.status(within(callMs));
    const keys = await member.hashKeys(revision, within(hashMs));
    digest = digestOf(keys);
    return { ...keys, etcd: version };
  };
  const hashOwn = async (): Promise<HashAnswer> =>
    await hashAt((await member.status(within(callMs))).revision);
  const hashOf = async (node: number, revision: number): Promise<HashAnswer> => {
    // A silent node would hold up the comparison for as long as a hash may take.
    const isAlive = exchange.others().some((other) => other.node === node && other.alive);
    if (!isAlive) throw new Error(`node ${node} is silent`);
    const limits = { body: JSON.stringify({ revision }), timeoutMs: hashMs };
    return JSON.parse(await askText(ask, node, 'POST', '/hash', limits));
  };
  const compareWith = (nodes: readonly number[]) =>
    compareCopies({ hashOwn, hashOf, others: nodes });

  const exchange = startExchange({
    ...{ config, ask, record, counter, ownReport, report },
    onDiverged: () => watching?.compareSoon(),
    onOtherRestore: (why) => fail(failure(`${why}: start it again, and it follows them`)),
  });
  const reports = (): readonly NodeReport[] => [ownReport(), ...exchange.others()];

  const replacer = createReplacer({
    config,
    member,
    compareWithout: (lost) => compareWith(others.filter((node) => node !== lost)),
    onReplaced: async (node) => {
      report(`node ${node} has a new member`);
      await record.forget(node);
    },
    restore: record.restore,
  });
  /** The report with a hash of the last revision, so that whoever asks all nodes can compare them. */
  const freshReport = async (): Promise<NodeReport> => {
    const hashed = hashOwn().catch(() => undefined);
    // An etcd without a majority may not answer at all; the node must still say why it does not serve.
    await Promise.race([hashed, sleep(freshMs, undefined, { ref: false })]);
    return ownReport();
  };
  const peers = await servePeers(
    config,
    cluster.tls,
    new Map<string, PeerRoute>([
      ['GET /report', async () => JSON.stringify(ownReport())],
      ['POST /report', (body) => exchange.hear(body)],
      ['GET /status', async () => JSON.stringify(await freshReport())],
      ['POST /hash', async (body) => JSON.stringify(await hashAt(JSON.parse(body).revision))],
      ['POST /member', replacer],
    ]),
  );

  const frontOptions = {
    client: etcd,
    timeToLiveAttribute,
    onGoneBack: (sentence: string) => fail(failure(sentence)),
  };
  let shortage: string | undefined;
  /** Why writes are refused for want of space. A change is reported. */
  const findShortage = (): string | undefined => {
    const found = findSpaceRefusal(reports(), config.nodes.length);
    if (found !== undefined && shortage === undefined) report(`writes are refused: ${found}`);
    if (found === undefined && shortage !== undefined) report('there is space: writes are served');
    shortage = found;
    return found;
  };
  const front = createFront({
    ...frontOptions,
    admit: async (kind) => (await state.admit()) ?? (kind === 'write' ? findShortage() : undefined),
  });
  const served = await startHttpFront({
    front,
    port: 0,
    status: () => ({ node: config.node, nodes: shownOf(reports()), equal: areEqual(reports()) }),
  });

  const untilRead = async (): Promise<void> => {
    while (!signal.aborted) {
      const read = etcd
        .range({ key: Buffer.from('table/') }, within(callMs))
        .catch(() => undefined);
      if ((await read) !== undefined) return;
      await sleep(retryMs, undefined, { signal });
    }
  };

  /** Lets the others write down this start. */
  const enterCluster = async (): Promise<void> => {
    await record.enterCluster();
    await exchange.announce();
  };

  const run = async (): Promise<void> => {
    const lost = await decideStart({
      config,
      ask,
      record,
      counter,
      hasMemberFiles: hasMemberFiles(folder),
      waitFor: (why) => state.change('waiting', why),
      signal,
    });
    // From its first moment etcd acknowledges entries, so the others must know of this start before.
    const isKnown = lost === undefined && record.isMember();
    if (isKnown) await enterCluster();
    if (signal.aborted) return;
    running = await startMember(
      {
        config,
        folder,
        token: cluster.token,
        tls: cluster.tls,
        askForMember: async (why) => {
          state.change('joining', why);
          const onRefused = (refused: string) =>
            state.change('joining', `${why}; it has no new member yet: ${refused}`);
          const given = await askForMember({ node: config.node, ask, others, onRefused, signal });
          await record.followRestore(given.restore);
          return given.cluster;
        },
        onRestart: () => watching?.forgetComparison(),
        report,
        onFailed: fail,
      },
      lost,
    );
    state.change('catching-up', 'it waits for a majority of the nodes');
    await untilRead();
    if (!isKnown) await enterCluster();
    if (signal.aborted) return;
    watching = startWatching({
      member,
      etcd,
      state,
      compare: () => compareWith(others),
      handOver: async () => {
        const next = exchange.others().find((one) => one.alive && one.state === 'serving');
        if (next?.memberId) await member.moveLeader(next.memberId, within(callMs));
      },
      compareEveryMs: config.compareEveryMs,
      signal,
    });
    const { version } = await member.status(within(callMs));
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
        quotaBytes: config.quotaBytes,
        nodeCount: config.nodes.length,
        reports,
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
