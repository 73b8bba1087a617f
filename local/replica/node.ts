/** One vault node: its store, its member of the log, its front, and what it says to the others, as one thing. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, isFailure, sentenceOf } from '../command.ts';
import type { StoreProgram } from '../dynamodb.ts';
import { createBarrier } from './barrier.ts';
import { startCompaction } from './compaction.ts';
import { createCondition } from './condition.ts';
import type { NodeConfig } from './config.ts';
import { startExchange } from './exchange.ts';
import { startFront } from './front.ts';
import { findPlace } from './joining.ts';
import { connectLog, type Log, type Member } from './log.ts';
import { hasMemberFiles, type LogMember, requireEtcd, startMember } from './member.ts';
import { openNodeMemory } from './memory.ts';
import { askText, createAskPeer, type PeerRoute, servePeers } from './peers.ts';
import { makePlace } from './places.ts';
import { openReplica } from './replica.ts';
import type { NodeReport } from './report.ts';
import { type Content, readContent, sendSnapshot, takeSnapshot } from './snapshot.ts';

export type NodeOptions = {
  readonly config: NodeConfig;
  /** Locked by this process. */
  readonly folder: string;
  readonly program: StoreProgram;
  /** The store's program and version. */
  readonly storeVersion: string;
  readonly secret: string;
  /** Gets a sentence for each thing that happens to the node. */
  readonly report: (line: string) => void;
};

export type VaultNode = {
  /** DynamoDB's API over the replicated state. */
  readonly endpoint: string;
  /** Where, on 127.0.0.1 and without a secret, the node tells how it is. */
  readonly statusUrl: string;
  /** Resolves when the node serves for the first time. */
  readonly serving: Promise<void>;
  /** Whether its member leads the log now: at most one node's does. */
  readonly isLeader: () => boolean;
  /** Settles only if the node cannot go on; says why. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

const watchMs = 500;
const restMs = 2_000;
const retryMs = 100;
const placeEveryMs = 500;
const placeMs = 10_000;

/** Starts the node and returns when its front listens; it serves when it has found its place among the others. */
export const startNode = async (options: NodeOptions): Promise<VaultNode> => {
  const { config, folder, program, storeVersion, secret, report } = options;
  requireEtcd();
  const memory = openNodeMemory(folder);
  const replica = await openReplica({ folder, program, report }).catch((error: unknown) => {
    const sentence = `node ${config.node} cannot use its store (${sentenceOf(error)})`;
    const way = `delete its folder ${folder}, and it takes its state from the other nodes`;
    throw failure(`${sentence}: ${way}`, { cause: error });
  });
  const ask = createAskPeer(config, secret);
  const closing = new AbortController();
  const others = config.nodes.map(({ node }) => node).filter((node) => node !== config.node);

  const condition = createCondition(config.node, report);
  const difference = memory.diverged();
  if (difference !== undefined) condition.change('diverged', difference);
  let isMember = hasMemberFiles(folder);
  let member: LogMember | undefined;
  let log: Log | undefined;
  let known: Member | undefined;
  let knownEnd = 0;
  let content: Content | null = null;

  const diverge = (why: string): void => {
    memory.setDiverged(why).catch((error) => report(`that it differs is not kept: ${error}`));
    condition.change('diverged', why);
  };
  const ownReport = (): NodeReport => {
    const { revision, digest } = replica.position();
    return {
      node: config.node,
      alive: true,
      state: condition.state(),
      reason: condition.reason(),
      leader: known?.isLeader ?? false,
      appliedRevision: revision,
      lag: Math.max(0, knownEnd - revision),
      digest,
      content,
      start: memory.start(),
      store: storeVersion,
      member: isMember,
      heard: memory.heard(),
    };
  };

  const exchange = startExchange({
    config,
    ask,
    memory,
    report: ownReport,
    findDigest: replica.findDigest,
    onDiverged: diverge,
  });
  let placing: Promise<unknown> = Promise.resolve();
  const givePlace: PeerRoute = async (body, response) => {
    const { node } = JSON.parse(body);
    const address = member?.address;
    if (address === undefined || !isMember) throw new Error('it is not in the log itself');
    const next = placing.then(() => {
      // Who has given up waiting may have found a place elsewhere, which this would take away.
      if (response.destroyed) throw new Error('nobody waits for it any more');
      return makePlace(config, address, Number(node));
    });
    placing = next.catch(() => undefined);
    const cluster = await next;
    report(`node ${node} has a new place in the log`);
    await memory.forget(Number(node));
    return cluster;
  };
  const peers = await servePeers(
    config,
    secret,
    new Map<string, PeerRoute>([
      ['GET /status', async () => JSON.stringify(ownReport())],
      ['POST /exchange', (body) => exchange.hear(body)],
      ['POST /place', givePlace],
      ['POST /digest', async (body) => JSON.stringify(replica.findDigest(Number(body)) ?? null)],
      ['GET /snapshot', (_, response) => sendSnapshot(folder, response)],
    ]),
  );

  const makeRoom = async (why: string): Promise<string> => {
    condition.change('joining', why);
    const body = JSON.stringify({ node: config.node });
    for (;;) {
      for (const node of others) {
        const cluster = await askText(ask, node, 'POST', '/place', {
          body,
          timeoutMs: placeMs,
        }).catch(
          (error: unknown) =>
            void condition.change('joining', `${why}; no place yet: ${sentenceOf(error)}`),
        );
        if (cluster) return cluster;
      }
      await sleep(placeEveryMs, undefined, { signal: closing.signal });
    }
  };

  const barrier = createBarrier(async () => {
    if (log === undefined) throw new Error('the log is not there');
    const { revision } = await log.findEnd();
    knownEnd = Math.max(knownEnd, revision);
    return revision;
  }, replica.untilApplied);

  const front = await startFront({
    port: 0,
    log: {
      append: async (writes) => {
        if (log === undefined) throw new Error('the log is not there');
        await log.append(writes);
      },
    },
    tables: replica.tables,
    barrier,
    store: replica.store,
    admit: condition.admit,
    status: () => ({
      node: config.node,
      nodes: [ownReport(), ...exchange.others()].sort((a, b) => a.node - b.node).map(shownOf),
      equal: exchange.areEqual(),
    }),
  });

  /** Serves when all that the log held has been applied, and no longer than its member knows a leader. */
  const watchLog = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      known = await log?.describe().catch(() => undefined);
      const isServing = condition.state() === 'serving';
      if (isServing && !known?.hasLeader) {
        const why = known ? 'no majority of the nodes is there' : 'its own etcd does not answer';
        condition.change('no-majority', why);
      }
      // Without a majority there is nothing to catch up with: this is tried again.
      if (!isServing && known?.hasLeader) {
        await barrier().then(
          () => condition.change('serving'),
          () => undefined,
        );
      }
      await sleep(condition.state() === 'serving' ? watchMs : retryMs, undefined, { ref: false });
    }
  };
  /** At rest, and only then, all items are read again: the digest of outcomes cannot see a file that has changed. */
  const watchContent = async (): Promise<void> => {
    for (let before = -1; !closing.signal.aborted; ) {
      await sleep(restMs, undefined, { ref: false });
      const { revision } = replica.position();
      const isAtRest = revision === before && revision !== content?.revision;
      before = revision;
      if (isAtRest && condition.state() === 'serving')
        content = await readContent(folder).catch(() => content);
    }
  };
  const run = async (): Promise<void> => {
    const lost = await findPlace({
      config,
      ask,
      memory,
      hasMemberFiles: isMember,
      appliedRevision: replica.position().revision,
      store: storeVersion,
      waitFor: (why) => condition.change('waiting', why),
      signal: closing.signal,
    });
    const token = createHash('sha256').update(secret).digest('hex').slice(0, 16);
    member = await startMember({ config, folder, token, makeRoom, report }, lost);
    log = connectLog(member.address);
    condition.change('catching-up', 'it waits for a majority of the nodes');
    const { clusterId } = await untilDescribed(log, closing.signal);
    isMember = true;
    await exchange.announce();
    const compaction = startCompaction({
      log,
      kept: config.logKept,
      isLeader: () => known?.isLeader ?? false,
      applied: () => [replica.position().revision, ...exchange.appliedLately()],
    });
    const followed = replica.follow({
      log,
      clusterId,
      onOutcome: front.settle,
      fetchSnapshot: (revision) =>
        takeSnapshot({ ask, others, folder, revision, report, signal: closing.signal }),
    });
    void watchLog();
    void watchContent();
    await followed;
    compaction.close();
  };

  const ran = run();
  return {
    endpoint: front.endpoint,
    statusUrl: `${front.endpoint}/status`,
    serving: condition.serving,
    isLeader: () => known?.isLeader ?? false,
    failed: new Promise((resolve) => {
      ran.catch((error: unknown) => {
        if (closing.signal.aborted) return;
        const sentence = `node ${config.node} stops: ${sentenceOf(error)}`;
        resolve(isFailure(error) ? failure(sentence, { cause: error }) : Object(error));
      });
    }),
    close: async () => {
      closing.abort();
      await front.close();
      await exchange.close();
      await peers.close();
      await replica.close();
      log?.close();
      await member?.close();
    },
  };
};

/** What is shown of a report to whoever looks. */
const shownOf = ({ heard: _, member: __, ...shown }: NodeReport) => shown;

/** What the member knows, once it answers at all: it does so when a majority has let it in. */
const untilDescribed = async (log: Log, signal: AbortSignal): Promise<Member> => {
  for (;;) {
    try {
      await log.findEnd();
      return await log.describe();
    } catch {
      await sleep(100, undefined, { signal });
    }
  }
};
