/**
 * How a node finds its place when it starts. Its own files cannot tell whether they are the latest: the other nodes
 * can. Nothing is begun on a guess; who cannot be sure waits, and says for whom.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from '../command.ts';
import type { NodeConfig } from './config.ts';
import type { NodeMemory } from './memory.ts';
import { type AskPeer, askText } from './peers.ts';
import { type NodeReport, parseReport } from './report.ts';

export type JoiningOptions = {
  readonly config: NodeConfig;
  readonly ask: AskPeer;
  readonly memory: NodeMemory;
  readonly hasMemberFiles: boolean;
  readonly appliedRevision: number;
  /** The store's program and version. */
  readonly store: string;
  /** Gets what the node waits for, in a sentence, each time it changes. */
  readonly waitFor: (reason: string) => void;
  readonly signal: AbortSignal;
};

const everyMs = 200;
const silenceMs = 900;

type Peers = ReadonlyMap<number, NodeReport>;

const askAll = async ({ config, ask }: JoiningOptions): Promise<Peers> => {
  const peers = config.nodes.filter(({ node }) => node !== config.node);
  const answers = await Promise.allSettled(
    peers.map(async ({ node }) =>
      parseReport(await askText(ask, node, 'GET', '/status', { timeoutMs: silenceMs })),
    ),
  );
  const reports = answers.flatMap((answer) =>
    answer.status === 'fulfilled' ? [answer.value] : [],
  );
  return new Map(reports.map((report) => [report.node, report]));
};

/** Why this node's files are not its latest, as a peer remembers it; `undefined` if it remembers nothing beyond them. */
const findLoss = ({ config, memory, appliedRevision }: JoiningOptions, peers: Peers) => {
  const known = [...peers.values()].flatMap(({ node, heard }) => {
    const own = heard[String(config.node)];
    return own === undefined ? [] : [{ node, ...own }];
  });
  const [lost] = known.filter(
    (own) => memory.start() <= own.start || appliedRevision < own.appliedRevision,
  );
  if (lost === undefined) return undefined;
  // Beyond what each of them remembers, or another one finds it older at its next start.
  memory.startAfter(Math.max(...known.map(({ start }) => start)));
  const { node, start, appliedRevision: revision } = lost;
  return `node ${node} remembers this node's start ${start} and revision ${revision}`;
};

type Decision =
  | { readonly begin: true; readonly lost: string | undefined }
  | { readonly begin: false; readonly reason: string };

const decide = (options: JoiningOptions, peers: Peers): Decision => {
  const { config, memory, hasMemberFiles } = options;
  const lost = findLoss(options, peers);
  if (lost !== undefined) return { begin: true, lost };
  const majority = Math.floor(config.nodes.length / 2) + 1;
  const missing = config.nodes
    .map(({ node }) => node)
    .filter((node) => node !== config.node && !peers.has(node));
  if (hasMemberFiles) {
    if (peers.size + 1 >= majority) return { begin: true, lost: undefined };
    return { begin: false, reason: `waits for another node: ${missing.join(' or ')}` };
  }
  const [member] = [...peers.values()].filter((peer) => peer.member);
  if (member)
    return { begin: true, lost: `it has no files, and node ${member.node} is in the log` };
  // With files of a log that none has been in yet, it is the same log: etcd gives its members their ids by the addresses.
  if (missing.length === 0 && !memory.isMember()) return { begin: true, lost: undefined };
  const awaited = missing.length > 0 ? `node ${missing.join(' and ')}` : 'one that has some';
  return { begin: false, reason: `has no files and waits for ${awaited}` };
};

/**
 * Resolves when the node may begin: with its files, or with none where all nodes begin a new log together (`lost` is
 * `undefined`), or anew, because its files are not its latest (`lost` says why). Throws a sentence if its store is
 * another one than the others'.
 */
export const findPlace = async (options: JoiningOptions): Promise<string | undefined> => {
  for (let said = ''; ; ) {
    const peers = await askAll(options);
    const other = [...peers.values()].find(({ store }) => store !== options.store);
    if (other)
      throw failure(`its store is ${options.store}, node ${other.node}'s is ${other.store}`);
    const decision = decide(options, peers);
    if (decision.begin) return decision.lost;
    if (decision.reason !== said) options.waitFor(decision.reason);
    said = decision.reason;
    await sleep(everyMs, undefined, { signal: options.signal });
  }
};
