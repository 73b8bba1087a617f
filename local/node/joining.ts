/**
 * How a node finds out, before its etcd starts, whether its files are the latest. Its own files cannot tell; the other
 * nodes can. A node that cannot be sure waits, and says for which node.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeConfig } from './config.ts';
import type { Counter } from './counter.ts';
import { type AskPeer, askText } from './peers.ts';
import type { NodeRecord } from './record.ts';
import { type NodeReport, parseReport } from './report.ts';
import { describeOtherRestore, findOtherRestore } from './restores.ts';

export type JoiningOptions = {
  readonly config: NodeConfig;
  readonly ask: AskPeer;
  readonly record: NodeRecord;
  readonly counter: Counter;
  readonly hasMemberFiles: boolean;
  /** Gets a sentence that says what the node waits for, each time that this changes. */
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
      parseReport(await askText(ask, node, 'GET', '/report', { timeoutMs: silenceMs })),
    ),
  );
  const reports = answers.flatMap((answer) =>
    answer.status === 'fulfilled' ? [answer.value] : [],
  );
  return new Map(reports.map((report) => [report.node, report]));
};

/** Why this node's files are not its latest, by what the peers say; `undefined` if they are. */
const findLoss = (options: JoiningOptions, peers: Peers) => {
  const { config, record, counter, hasMemberFiles } = options;
  const known = [...peers.values()].flatMap(({ node, heard, restore }) => {
    const own = heard[String(config.node)];
    return own === undefined ? [] : [{ node, restore, ...own }];
  });
  // A restore puts files back on purpose, so what was heard before it says nothing about them.
  const [lost] = known
    .filter(({ restore }) => !hasMemberFiles || restore === record.restore())
    .filter((own) => record.start() <= own.start || counter.value() < own.counter);
  const other =
    hasMemberFiles && findOtherRestore(record.restore(), [...peers.values()], config.nodes.length);
  if (lost === undefined && !other) return undefined;
  // Otherwise a peer that remembers more than this one would find the files old once more at the next start.
  record.startAfter(Math.max(...known.map(({ start }) => start)));
  counter.startAfter(Math.max(...known.map(({ counter: value }) => value)));
  if (lost === undefined) return other || undefined;
  return `node ${lost.node} heard of its start ${lost.start} at counter ${lost.counter}, which its files do not hold`;
};

type Decision =
  | { readonly begin: true; readonly lost: string | undefined }
  | { readonly begin: false; readonly reason: string };

const decide = (options: JoiningOptions, peers: Peers): Decision => {
  const { config, record, hasMemberFiles } = options;
  const lost = findLoss(options, peers);
  if (lost !== undefined) return { begin: true, lost };
  const majority = Math.floor(config.nodes.length / 2) + 1;
  const missing = config.nodes
    .map(({ node }) => node)
    .filter((node) => node !== config.node && !peers.has(node));
  if (hasMemberFiles) {
    const strangers = [...peers.values()]
      .filter((peer) => peer.member && peer.restore !== record.restore())
      .map(({ node }) => node);
    if (peers.size - strangers.length + 1 >= majority) return { begin: true, lost: undefined };
    const reasons = [
      missing.length > 0 && `it waits for another node: ${missing.join(' or ')}`,
      strangers.length > 0 && describeOtherRestore(strangers),
    ];
    return { begin: false, reason: reasons.filter(Boolean).join('; ') };
  }
  const [member] = [...peers.values()].filter((peer) => peer.member);
  if (member) {
    return { begin: true, lost: `it has no files, and node ${member.node} is in the cluster` };
  }
  // Nodes may have files of a new cluster that no majority has entered. It is the same cluster, as etcd derives the ids
  // of its first members from their addresses.
  if (missing.length === 0 && !record.isMember()) return { begin: true, lost: undefined };
  const awaited = missing.length > 0 ? `node ${missing.join(' and ')}` : 'a node that has some';
  return { begin: false, reason: `it has no files and waits for ${awaited}` };
};

/**
 * Resolves when etcd may start: with its files, or without any if all nodes make a new cluster together (`undefined`),
 * or as a new member, because the files are not the latest (a sentence that says why).
 */
export const decideStart = async (options: JoiningOptions): Promise<string | undefined> => {
  for (let said = ''; ; ) {
    const decision = decide(options, await askAll(options));
    if (decision.begin) return decision.lost;
    if (decision.reason !== said) options.waitFor(decision.reason);
    said = decision.reason;
    await sleep(everyMs, undefined, { signal: options.signal });
  }
};
