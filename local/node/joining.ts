/**
 * Joining: what a node does between its start and its service (`joinCluster`). A node's own files cannot tell
 * whether they are the latest; the other nodes can, as they remember the number of its last start
 * (`node.json`) and a counter among etcd's files. A node whose folder was wiped or put back holds lower
 * numbers, and gets a new member (replacing.ts). A node that cannot be sure waits, and says for which node.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { codeOf, failure } from '../../system/failures.ts';
import { readFileIfPresent, replaceFile, replaceFileMeanwhile } from '../../system/files.ts';
import { type EtcdClient, hasMajority } from '../etcd/etcd-client.ts';
import { memberFiles } from './member-files.ts';
import { type NodeConfig, othersOf } from './node-config.ts';
import { nodeTimes } from './node-times.ts';
import { otherCluster, type PeerCall } from './peers.ts';
import { type HeardReport, heardReport, type NodeReport, parseReport } from './report.ts';
import type { NodeState } from './state.ts';

export type StartOptions = {
  readonly config: NodeConfig;
  readonly ask: PeerCall;
  readonly record: NodeRecord;
  readonly counter: Counter;
  readonly hasMemberFiles: boolean;
  /** Called with a sentence that says what the node waits for, each time that the sentence changes. */
  readonly waitFor: (reason: string) => void;
  readonly signal: AbortSignal;
};

export type JoiningOptions = Omit<StartOptions, 'waitFor'> & {
  readonly state: NodeState;
  readonly etcd: Pick<EtcdClient, 'range'>;
  /** Lets the other nodes write this node's reports down; resolves when a majority has one. */
  readonly announce: () => Promise<void>;
  /** Starts etcd. `lost`: why the files that are there must not be used, and a new member is needed. */
  readonly startEtcd: (lost: string | undefined) => Promise<void>;
};

/**
 * Returns when the node may look at its etcd, or the signal aborts. Throws a failure if the node cannot go
 * on.
 */
export const joinCluster = async (options: JoiningOptions): Promise<void> => {
  const { record, announce, state, startEtcd, signal } = options;
  /** Lets the others write this start down. */
  const enterCluster = async (): Promise<void> => {
    await record.enterCluster();
    await announce();
  };
  const waitFor = (why: string) => state.change('waiting', why);
  const lost = await decideStart({ ...options, waitFor });
  // From its first moment etcd acknowledges entries, so the others must know of this start before.
  const isKnown = lost === undefined && record.isMember();
  if (isKnown) await enterCluster();
  if (signal.aborted) return;
  await startEtcd(lost);
  state.change('catching-up', 'it waits for a majority of the nodes');
  await untilMajority(options);
  if (!isKnown) await enterCluster();
};

/** Resolves when a majority of the members is there, or the signal aborts. */
const untilMajority = async ({ etcd, signal }: JoiningOptions): Promise<void> => {
  while (!signal.aborted && !(await hasMajority(etcd, nodeTimes.etcdCallMs))) {
    await sleep(nodeTimes.lookSoonMs, undefined, { signal });
  }
};

type Peers = ReadonlyMap<number, NodeReport>;

/** Report only a node of another cluster. A node that is down reports itself later. */
const isOfOtherCluster = (error: unknown): boolean =>
  /CERT|ISSUER|SIGNATURE/.test(codeOf(error) ?? '') || codeOf(error) === otherCluster;

const askAll = async ({ config, ask }: StartOptions) => {
  const heard: NodeReport[] = [];
  const strangers: number[] = [];
  let hasExpired = false;
  const askOne = async (node: number): Promise<void> => {
    try {
      const text = await ask(node, 'GET', '/report', { timeoutMs: nodeTimes.silenceMs });
      heard.push(parseReport(text));
    } catch (error) {
      if (codeOf(error) === 'CERT_HAS_EXPIRED') hasExpired = true;
      else if (isOfOtherCluster(error)) strangers.push(node);
    }
  };
  await Promise.all(othersOf(config).map(askOne));
  const inOrder = heard.sort((one, other) => one.node - other.node);
  const reports: Peers = new Map(inOrder.map((report) => [report.node, report]));
  return { reports, strangers: strangers.sort(), hasExpired };
};

/** Why this node's files are not its latest, by what the peers say; `undefined` if they are. */
const findLoss = (options: StartOptions, peers: Peers) => {
  const { config, record, counter } = options;
  const known = [...peers.values()].flatMap(({ node, heard }) => {
    const own = heard[String(config.node)];
    return own === undefined ? [] : [{ node, ...own }];
  });
  const lost = known.find((own) => record.start() <= own.start || counter.value() < own.counter);
  if (lost === undefined) return undefined;
  // Go past the highest number that any peer remembers. Else that peer would call the new files old at the
  // next start.
  record.startAfter(Math.max(...known.map(({ start }) => start)));
  counter.startAfter(Math.max(...known.map(({ counter: value }) => value)));
  return `node ${lost.node} heard of its start ${lost.start} at counter ${lost.counter}, which its files do not hold`;
};

type Decision =
  | { readonly begin: true; readonly lost: string | undefined }
  | { readonly begin: false; readonly reason: string };

const decide = (options: StartOptions, peers: Peers): Decision => {
  const { config, record, hasMemberFiles } = options;
  const lost = findLoss(options, peers);
  if (lost !== undefined) return { begin: true, lost };
  const majority = Math.floor(config.nodes.length / 2) + 1;
  const missing = othersOf(config).filter((node) => !peers.has(node));
  if (hasMemberFiles) {
    if (peers.size + 1 >= majority) return { begin: true, lost: undefined };
    return { begin: false, reason: `it waits for another node: ${missing.join(' or ')}` };
  }
  const [member] = [...peers.values()].filter((peer) => peer.member);
  if (member) {
    return { begin: true, lost: `it has no files, and node ${member.node} is in the cluster` };
  }
  // Nodes may have files of a new cluster that no majority has entered. It is the same cluster, as etcd
  // derives the ids of its first members from their addresses.
  if (missing.length === 0 && !record.isMember()) return { begin: true, lost: undefined };
  const awaited = missing.length > 0 ? `node ${missing.join(' and ')}` : 'a node that has some';
  return { begin: false, reason: `it has no files and waits for ${awaited}` };
};

/**
 * Resolves when etcd may start: with its files, or without any if all nodes make a new cluster together
 * (`undefined`), or as a new member, because the files are not the latest (a sentence that says why).
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

const stored = v.object({
  /** The node that the folder belongs to. */
  node: v.number(),
  /** The number of its last start that the others may have heard of. */
  start: v.number(),
  /** Whether it has been in the cluster. */
  member: v.boolean(),
  /** The last reports that it heard, by node. */
  heard: v.record(v.string(), heardReport),
  /** The cluster that its data are of. A record of before 1.0.0 does not say it. */
  cluster: v.optional(v.string()),
});
type NodeFile = v.InferOutput<typeof stored>;

/**
 * What a node keeps of itself and of the others over its starts, in `node.json`. By it the others notice a
 * folder that was wiped or put back to an older copy: they remember more of the node than its own files do.
 */
export type NodeRecord = {
  /** The number of this start. */
  readonly start: () => number;
  /** Makes this start's number higher than one that another node remembers. */
  readonly startAfter: (start: number) => void;
  /** Whether this node has been in the cluster, now or in an earlier start. */
  readonly isMember: () => boolean;
  /**
   * The node is in the cluster: keeps the number of this start, before the others hear of it. A start that
   * ends earlier leaves no trace, so the next start finds again whatever this one found.
   */
  readonly enterCluster: () => Promise<void>;
  /** The last reports that it heard, by node. */
  readonly heard: () => Readonly<Record<string, HeardReport>>;
  /** Resolves when the disk holds this report or a later one. */
  readonly hear: (node: number, report: HeardReport) => Promise<void>;
  /** Forgets what was heard of a node whose member was replaced. */
  readonly forget: (node: number) => Promise<void>;
};

const parse = (file: string, text: string): NodeFile => {
  try {
    return v.parse(stored, JSON.parse(text));
  } catch {
    throw failure(`${file} is damaged: wipe this node, and it takes its data from the others`);
  }
};

const fileOf = (folder: string): string => join(folder, 'node.json');

/**
 * The cluster that the data of a node's folder are of; `undefined` if the folder does not say it. Throws a
 * sentence if the record is damaged.
 */
export const findClusterOf = (folder: string): string | undefined => {
  const text = readFileIfPresent(fileOf(folder));
  return text === undefined ? undefined : parse(fileOf(folder), text).cluster;
};

/**
 * Opens the record of the node in `folder`. A change counts at once, and is on the disk when its promise
 * resolves. Throws a sentence if the folder belongs to another node, because two members with the same files
 * would be taken for one, or if its data are of another cluster, such as the one before a restore.
 */
export const openNodeRecord = (folder: string, node: number, cluster: string): NodeRecord => {
  const file = fileOf(folder);
  const text = readFileIfPresent(file);
  let state: NodeFile =
    text === undefined
      ? { node, start: 0, member: false, heard: {}, cluster }
      : { cluster, ...parse(file, text) };
  if (state.node !== node) {
    const sentence = `the folder ${folder} belongs to node ${state.node}, and this is node ${node}`;
    throw failure(
      `${sentence}: put back its own, or delete it, and it takes its data from the others`,
    );
  }
  if (state.cluster !== cluster) {
    throw failure(
      `the folder ${folder} holds the data of another cluster than the one of cluster.json: if the other nodes serve, put ` +
        'the folder aside, and this node takes their data; if none does, put back the cluster.json that belongs to the folders',
    );
  }
  let start = state.start + 1;
  replaceFile(file, JSON.stringify(state));
  let written: Promise<void> = Promise.resolve();
  const change = async (changed: Partial<NodeFile>): Promise<void> => {
    state = { ...state, ...changed };
    const write = () => replaceFileMeanwhile(file, JSON.stringify(state));
    written = written.then(write, write);
    await written;
  };
  return {
    start: () => start,
    startAfter: (other) => {
      start = Math.max(start, other + 1);
    },
    isMember: () => state.member,
    enterCluster: () => change({ start, member: true }),
    heard: () => state.heard,
    hear: async (other, report) => {
      const known = state.heard[String(other)] ?? { start: 0, counter: 0 };
      const isLater =
        report.start > known.start ||
        (report.start === known.start && report.counter > known.counter);
      // If the last change did not reach the disk, this writes it again.
      if (!isLater) return await written.catch(() => change({}));
      await change({ heard: { ...state.heard, [other]: report } });
    },
    forget: (other) => {
      const { [String(other)]: _, ...others } = state.heard;
      return change({ heard: others });
    },
  };
};

/**
 * A number among etcd's files that rises every second while the node is in the cluster. The other nodes
 * remember the last one that they heard, so an older copy of the files is noticed: it holds a lower number.
 */
export type Counter = {
  readonly value: () => number;
  /** Makes the next numbers higher than one that another node remembers. */
  readonly startAfter: (value: number) => void;
  /** Resolves when the disk holds the next number. */
  readonly raise: () => Promise<void>;
};

/** Opens the counter among the files of the etcd of the node in `folder`; 0 if there is none. */
export const openCounter = (folder: string): Counter => {
  const file = join(memberFiles(folder), 'counter');
  const text = readFileIfPresent(file) ?? '0';
  let value = Number(text);
  if (!/^\d+$/.test(text)) {
    throw failure(`${file} is damaged: wipe this node, and it takes its data from the others`);
  }
  return {
    value: () => value,
    startAfter: (other) => {
      value = Math.max(value, other);
    },
    raise: async () => {
      await replaceFileMeanwhile(file, String(value + 1));
      value += 1;
    },
  };
};
