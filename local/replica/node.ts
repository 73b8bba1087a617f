/** One vault node: its store, its member of the log, its front, and what it says to the others, as one thing. */
import { failure, isFailure, sentenceOf } from '../command.ts';
import type { StoreProgram } from '../dynamodb.ts';
import { createBarrier } from './barrier.ts';
import { startCompaction } from './compaction.ts';
import { createCondition } from './condition.ts';
import type { NodeConfig } from './config.ts';
import { startFront } from './front.ts';
import { findPlace } from './joining.ts';
import { connectLog, type Log, untilDescribed } from './log.ts';
import { type LogMember, requireEtcd, startMember } from './member.ts';
import { hasMemberFiles } from './member-files.ts';
import { openNodeMemory } from './memory.ts';
import { startPeering } from './peering.ts';
import { openReplica } from './replica.ts';
import { firstServing, type NodeReport, shownOf } from './report.ts';
import { clearSnapshots, takeSnapshot } from './snapshot.ts';
import { startWatching, type Watch } from './watching.ts';

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
  /** Whether it is the first of the nodes that serve, as far as it knows: for what one node does for all. */
  readonly isFirst: () => boolean;
  /** Settles only if the node cannot go on; says why. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

/** Starts the node and returns when its front listens; it serves when it has found its place among the others. */
export const startNode = async (options: NodeOptions): Promise<VaultNode> => {
  const { config, folder, program, storeVersion, secret, report } = options;
  requireEtcd();
  const memory = openNodeMemory(folder, config.node);
  clearSnapshots(folder);
  const replica = await openReplica({ folder, program, report }).catch((error: unknown) => {
    const sentence = `node ${config.node} cannot use its store (${sentenceOf(error)})`;
    const way = `delete its folder ${folder}, and it takes its state from the other nodes`;
    throw failure(`${sentence}: ${way}`, { cause: error });
  });
  const closing = new AbortController();
  const { signal } = closing;

  const condition = createCondition(config.node, report);
  const difference = memory.diverged();
  if (difference !== undefined) condition.change('diverged', difference);
  let member: LogMember | undefined;
  let log: Log | undefined;
  let watch: Watch | undefined;
  const isLeader = () => watch?.isLeader() ?? false;
  let knownEnd = 0;

  const ownReport = (): NodeReport => {
    const { revision, digest } = replica.position();
    return {
      node: config.node,
      alive: true,
      state: condition.state(),
      reason: condition.reason(),
      leader: isLeader(),
      appliedRevision: revision,
      lag: Math.max(0, knownEnd - revision),
      digest,
      content: watch?.content() ?? null,
      start: memory.start(),
      store: storeVersion,
      conceded: memory.diverged() !== undefined && memory.undecided() === undefined,
      member: memory.isMember(),
      heard: memory.heard(),
    };
  };

  const peering = await startPeering({
    config,
    secret,
    folder,
    memory,
    condition,
    ownReport,
    findDigest: replica.findDigest,
    findMember: () => member?.address,
    report,
    signal,
  });
  const { ask, others, exchange, makeRoom } = peering;

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
      nodes: shownOf([ownReport(), ...exchange.others()]),
      equal: exchange.areEqual(),
    }),
  });

  const run = async (): Promise<void> => {
    const lost = await findPlace({
      config,
      ask,
      memory,
      hasMemberFiles: hasMemberFiles(folder),
      appliedRevision: replica.position().revision,
      store: storeVersion,
      waitFor: (why) => condition.change('waiting', why),
      signal,
    });
    member = await startMember({ config, folder, secret, makeRoom, report }, lost);
    log = connectLog(member.address);
    condition.change('catching-up', 'it waits for a majority of the nodes');
    const { clusterId } = await untilDescribed(log, signal);
    await memory.enterLog();
    await exchange.announce();
    const compaction = startCompaction({
      log,
      kept: config.logKept,
      isLeader,
      applied: () => [replica.position().revision, ...exchange.appliedLately()],
    });
    const followed = replica.follow({
      log,
      clusterId,
      onOutcome: front.settle,
      fetchSnapshot: (revision) => takeSnapshot({ ask, others, folder, revision, report, signal }),
    });
    const { position, noteDamage: onDamage } = replica;
    watch = startWatching({ log, condition, barrier, position, folder, onDamage, signal });
    await followed;
    compaction.close();
  };

  const ran = run();
  return {
    endpoint: front.endpoint,
    statusUrl: `${front.endpoint}/status`,
    serving: condition.serving,
    isFirst: () => firstServing([ownReport(), ...exchange.others()]) === config.node,
    failed: new Promise((resolve) => {
      ran.catch((error: unknown) => {
        if (signal.aborted) return;
        const sentence = `node ${config.node} stops: ${sentenceOf(error)}`;
        resolve(isFailure(error) ? failure(sentence, { cause: error }) : Object(error));
      });
    }),
    close: async () => {
      closing.abort();
      await front.close();
      await peering.close();
      await replica.close();
      log?.close();
      await member?.close();
    },
  };
};
