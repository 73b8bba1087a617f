/**
 * How a node finds out, before its etcd starts, whether its files are the latest. Its own files cannot tell; the other
 * nodes can. A node that cannot be sure waits, and says for which node.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from '../../system/failures.ts';
import type { Counter } from './counter.ts';
import type { NodeConfig } from './node-config.ts';
import { type AskPeer, askText, otherCluster } from './peers.ts';
import type { NodeRecord } from './record.ts';
import { type NodeReport, parseReport } from './report.ts';

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

/** A node that is only away needs no words; one of another cluster will never be understood. */
const isOfOtherCluster = (error: unknown): boolean =>
  /CERT|ISSUER|SIGNATURE/.test(codeOf(error) ?? '') || codeOf(error) === otherCluster;

const askAll = async ({ config, ask }: JoiningOptions) => {
  const heard: NodeReport[] = [];
  const strangers: number[] = [];
  let hasExpired = false;
  const askOne = async (node: number): Promise<void> => {
    try {
      const text = await askText(ask, node, 'GET', '/report', { timeoutMs: silenceMs });
      heard.push(parseReport(text));
    } catch (error) {
      if (codeOf(error) === 'CERT_HAS_EXPIRED') hasExpired = true;
      else if (isOfOtherCluster(error)) strangers.push(node);
    }
  };
  const others = config.nodes.map(({ node }) => node).filter((node) => node !== config.node);
  await Promise.all(others.map(askOne));
  const inOrder = heard.sort((one, other) => one.node - other.node);
  const reports: Peers = new Map(inOrder.map((report) => [report.node, report]));
  return { reports, strangers: strangers.sort(), hasExpired };
};

/** Why this node's files are not its latest, by what the peers say; `undefined` if they are. */
const findLoss = (options: JoiningOptions, peers: Peers) => {
  const { config, record, counter } = options;
  const known = [...peers.values()].flatMap(({ node, heard }) => {
    const own = heard[String(config.node)];
    return own === undefined ? [] : [{ node, ...own }];
  });
  const lost = known.find((own) => record.start() <= own.start || counter.value() < own.counter);
  if (lost === undefined) return undefined;
  // Go past the highest number that any peer remembers. Else that peer would call the new files old at the next start.
  record.startAfter(Math.max(...known.map(({ start }) => start)));
  counter.startAfter(Math.max(...known.map(({ counter: value }) => value)));
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
    if (peers.size + 1 >= majority) return { begin: true, lost: undefined };
    return { begin: false, reason: `it waits for another node: ${missing.join(' or ')}` };
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
    await sleep(everyMs, undefined, { signal: options.signal });
  }
};
