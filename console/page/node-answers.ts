/** Merges the answers of a vault's nodes, and puts them into words. */

import type { NodeAnswer, NodeChange, Processes } from '../../cli/console/page-documents.ts';
import type { ReplyOf } from '../../client/types.ts';
import { endsSoon } from '../../functions/model/types.ts';

type Status = ReplyOf<'get-status'>;
type Report = NonNullable<Status['node']>['nodes'][number];

/** A node as the page shows it. */
export type NodeView = {
  readonly node: number;
  /** The node's own report if the node answers, else the last that another node has of it, if any answers. */
  readonly report: Report | undefined;
  /** Whether callers get answers from it now. */
  readonly isServing: boolean;
  /** A word such as `serving` or `killed`. */
  readonly state: string;
  /** The number of revisions behind the furthest node, if known. */
  readonly lag: number | undefined;
  readonly isIsolated: boolean;
  /** The node's own answer; `undefined` if the node did not answer the console. */
  readonly status: Status | undefined;
};

export type VaultView = {
  readonly nodes: readonly NodeView[];
  /** False once two copies are known to differ. */
  readonly isEqual: boolean;
};

/**
 * Merges the answers. A node's own report counts. For a node without an answer, the report of another node
 * counts: first of a node that serves, because a node that is cut off hears nothing.
 */
export const mergeAnswers = (answers: readonly NodeAnswer[], processes?: Processes): VaultView => {
  const statuses = answers.flatMap(({ status }) => (status?.node ? [status] : []));
  const nodeViews = statuses.map(({ node }) => node).filter((node) => node !== undefined);
  const isServing = (view: (typeof nodeViews)[number]) =>
    view.nodes.some((one) => one.node === view.node && one.state === 'serving');
  const views = [...nodeViews.filter(isServing), ...nodeViews.filter((view) => !isServing(view))];
  const isComplete = answers.length > 1;
  const reportOf = (node: number): Report | undefined => {
    const own = views.find((view) => view.node === node);
    const all = own ? [own, ...views] : views;
    return all.flatMap(({ nodes }) => nodes).find((one) => one.node === node);
  };
  const numbers = [
    ...views.flatMap(({ nodes }) => nodes.map(({ node }) => node)),
    ...(processes?.nodes.map(({ node }) => node) ?? []),
  ];
  const found = [...new Set(numbers)].sort().map((node) => ({ node, report: reportOf(node) }));
  const furthest = Math.max(...found.map(({ report }) => report?.appliedRevision ?? 0));
  return {
    nodes: found.map(({ node, report }) => {
      const status = statuses.find((one) => one.node?.node === node);
      const process = processes?.nodes.find((one) => one.node === node);
      // Without an address of its own, the node is what the others have heard.
      const heard = status !== undefined || (!isComplete && report?.alive) ? report : undefined;
      return {
        node,
        report,
        isServing: heard?.state === 'serving',
        state: heard?.state ?? stateOfSilent(process),
        lag: report && furthest - report.appliedRevision,
        isIsolated: process?.isolated ?? false,
        status,
      };
    }),
    isEqual: views.every(({ equal }) => equal),
  };
};

/** A process that has just been started does not answer yet. */
const stateOfSilent = (process: Processes['nodes'][number] | undefined): string =>
  process === undefined || process.alive || process.state === 'silent'
    ? 'no answer'
    : process.state;

export const sentencesOf = (
  answers: readonly NodeAnswer[],
  { nodes, isEqual }: VaultView,
): readonly string[] => {
  const statuses = answers.flatMap(({ status }) => (status ? [status] : []));
  if (statuses.length === 0) {
    const refused = answers.find(
      ({ refusal }) => refusal !== null && refusal.code !== 'unreachable',
    );
    return [refused?.refusal?.detail ?? 'No node of the vault answers.'];
  }
  return [
    ...(nodes.length > 0
      ? [...aboutNodes(nodes, isEqual), ...aboutKey(statuses)]
      : aboutStore(statuses[0])),
    ...aboutPolicy(statuses),
    ...aboutKeys(nodes),
    ...aboutStaleReads(nodes),
    ...aboutCertificates(nodes),
  ];
};

const aboutNodes = (nodes: readonly NodeView[], isEqual: boolean): readonly string[] => {
  const serving = nodes.filter((one) => one.isServing).length;
  const count = `${serving} of ${nodes.length} nodes ${serving === 1 ? 'serves' : 'serve'}`;
  const others = nodes
    .filter((one) => !one.isServing)
    .map(({ node, state }) => `node ${node}: ${wordsOf(state)}`);
  const copies = isEqual ? 'all copies agree' : 'THE COPIES DO NOT AGREE: see the runbook';
  if (others.length === 0) return [`${count}, ${copies}.`];
  const goesOn =
    serving * 2 > nodes.length
      ? 'The vault goes on, and nothing that it acknowledged is lost.'
      : 'That is no majority, so the vault refuses reads and writes until two nodes serve.';
  return [`${count} (${others.join(', ')}), ${copies}.`, goesOn];
};

const aboutKeys = (nodes: readonly NodeView[]): readonly string[] => {
  const opening = nodes.filter(({ report }) => report?.masterKey === 'usable').length;
  const without = nodes.flatMap(({ node, report }) =>
    report?.masterKey && report.masterKey !== 'usable' ? [`node ${node}: ${report.masterKey}`] : [],
  );
  return sentenceIf(
    without,
    `${opening} of ${nodes.length} nodes ${opening === 1 ? 'opens' : 'open'} values: the master key is not usable at ${without.join(', ')}.`,
  );
};

const sentenceIf = (names: readonly string[], sentence: string): readonly string[] =>
  names.length === 0 ? [] : [sentence];

const aboutStaleReads = (nodes: readonly NodeView[]): readonly string[] => {
  const stale = nodes.flatMap(({ node, report }) =>
    report?.mayReadStale ? [`etcd ${report.etcd} of node ${node}`] : [],
  );
  const sentence = 'known to answer stale reads after a pause, see the runbook.';
  return sentenceIf(stale, `${stale.join(', ')}: ${sentence}`);
};

const aboutCertificates = (nodes: readonly NodeView[]): readonly string[] => {
  const ending = nodes.flatMap(({ node, report }) =>
    report && endsSoon(report.certificateEndsAt)
      ? [`node ${node} at ${report.certificateEndsAt}`]
      : [],
  );
  const command = 'npm run cluster -- init FOLDER --renew';
  return sentenceIf(
    ending,
    `The certificate ends of ${ending.join(', ')}: ${command} makes another one.`,
  );
};

const words: Readonly<Record<string, string>> = {
  waiting: 'waits',
  joining: 'joins',
  'catching-up': 'catches up',
  serving: 'serves',
  'no-majority': 'no majority',
  diverged: 'copy differs',
  defragmenting: 'defragments',
};

/** The state in words; most are words already. */
export const wordsOf = (state: string): string => words[state] ?? state;

/** The sentence of every view for a master key that cannot be used. */
export const keyGone = 'The master key cannot be used, so values can be neither read nor written.';

const aboutStore = (status: Status | undefined): readonly string[] => {
  const { reachable = false, latencyMs = 0 } = status?.store ?? {};
  if (!reachable) return ['The store cannot be reached, so the vault refuses reads and writes.'];
  if (!status?.masterKey.reachable) return [keyGone];
  return [`The vault works: its store answers in ${latencyMs} ms.`];
};

const aboutKey = (statuses: readonly Status[]): readonly string[] => {
  const without = statuses.filter(({ masterKey }) => !masterKey.reachable);
  if (without.length === 0) return [];
  if (without.length === statuses.length) return [keyGone];
  const names = without.map(({ node }) => `node ${node?.node}`).join(', ');
  return [`Values can be neither read nor written at ${names}, which cannot use the master key.`];
};

const aboutPolicy = (statuses: readonly Status[]): readonly string[] => {
  const policies = statuses.flatMap(({ policy }) => (policy ? [policy] : []));
  const faults = policies.flatMap(({ fault }) => (fault === null ? [] : [fault]));
  const digests = new Set(policies.map(({ digest }) => digest));
  return [
    ...[...new Set(faults)].map((fault) => `A newer access policy is not used: ${fault}`),
    ...(digests.size > 1 ? ['The nodes do not have the same access policy.'] : []),
  ];
};

/** Each change has two sentences: one for the data, one for the callers. */
export const consequences: Readonly<
  Record<NodeChange, { readonly data: string; readonly callers: string }>
> = {
  kill: {
    data: 'What the node has acknowledged stays on its disk and on the other nodes.',
    callers:
      'It ends at once, as by a power cut. Its callers get no connection. The other nodes go on; if it led them, they wait a second or two.',
  },
  start: {
    data: 'The node fetches what it missed. If its folder is gone, it fetches everything.',
    callers: 'It answers again once its copy equals that of the others.',
  },
  pause: {
    data: 'Nothing changes on its disk.',
    callers:
      'It stands still, as a machine that hangs. Its callers wait without an answer. The other nodes go on.',
  },
  resume: {
    data: 'The node fetches what it missed.',
    callers: 'It goes on, with present data or a refusal, never with old data.',
  },
  isolate: {
    data: 'The node keeps its copy, which gets old.',
    callers:
      'It no longer reaches the other nodes, as by a cut cable, and refuses all requests (503). The other nodes go on.',
  },
  heal: {
    data: 'The node fetches what it missed.',
    callers: 'It reaches the other nodes again, and serves once it has caught up.',
  },
  wipe: {
    data: 'The node stops, and its copy of all secrets is deleted. The cluster refuses this unless both other nodes serve. Start the node, and it fetches everything from them.',
    callers: 'Its callers get no connection. The other nodes go on.',
  },
};

/** Whether a change fits the last known state of a node's process. The cluster refuses any other change. */
export const isPossible = (
  change: NodeChange,
  node: number,
  processes: Processes | undefined,
): boolean => {
  const process = processes?.nodes.find((one) => one.node === node);
  if (process === undefined) return false;
  const isDown = ['killed', 'stopped', 'ended'].includes(process.state);
  const isPaused = process.state === 'paused';
  const possible = {
    kill: !isDown,
    start: isDown,
    pause: !isDown && !isPaused,
    resume: isPaused,
    isolate: !process.isolated,
    heal: process.isolated,
    wipe: true,
  };
  return possible[change];
};
