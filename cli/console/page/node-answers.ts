/** Merges the answers of a vault's nodes and describes the result in sentences. */

import type { ReplyOf } from '../../../client/types.ts';
import { endsSoon } from '../../../functions/model/types.ts';
import type { NodeAnswer } from '../page-documents.ts';

type Status = ReplyOf<'get-status'>;
type Report = NonNullable<Status['node']>['nodes'][number];

export type NodeView = {
  readonly node: number;
  /**
   * What the node reports about itself. If it does not answer, the last report that another node
   * received from it, if there is one.
   */
  readonly report: Report | undefined;
  readonly isServing: boolean;
  /** The state that the node reports, or `no answer`. */
  readonly state: string;
  /** How many revisions the node's data is behind that of the most advanced node, if known. */
  readonly lag: number | undefined;
  /** The node's own answer; `undefined` if it did not answer the console. */
  readonly status: Status | undefined;
};

export type VaultView = {
  readonly nodes: readonly NodeView[];
  /** False if any of the answers reports that two nodes' copies of the data differ. */
  readonly isEqual: boolean;
};

/**
 * Merges the answers. A node's own report takes precedence. For a node without an answer, the
 * report that another node has of it is used, preferably from a serving node, because a node that
 * is cut off has old reports.
 */
export const mergeAnswers = (answers: readonly NodeAnswer[]): VaultView => {
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
  const numbers = views.flatMap(({ nodes }) => nodes.map(({ node }) => node));
  const found = [...new Set(numbers)].sort().map((node) => ({ node, report: reportOf(node) }));
  const furthest = Math.max(...found.map(({ report }) => report?.appliedRevision ?? 0));
  return {
    nodes: found.map(({ node, report }) => {
      const status = statuses.find((one) => one.node?.node === node);
      // A single answer means that the console knows the address of one node only and cannot ask
      // the others. For each node that the answer reports as alive, the page then shows the state
      // that the answer reports.
      const heard = status !== undefined || (!isComplete && report?.alive) ? report : undefined;
      return {
        node,
        report,
        isServing: heard?.state === 'serving',
        state: heard?.state ?? 'no answer',
        lag: report && furthest - report.appliedRevision,
        status,
      };
    }),
    isEqual: views.every(({ equal }) => equal),
  };
};

export const sentencesOf = (
  answers: readonly NodeAnswer[],
  { nodes, isEqual }: VaultView,
): readonly string[] => {
  const statuses = answers.flatMap(({ status }) => (status ? [status] : []));
  if (isStopped(answers)) return [stoppedSentence(answers)];
  if (statuses.length === 0) {
    const refused = answers.find(({ refusal }) => refusal && refusal.code !== 'unreachable');
    return [refused?.refusal?.detail ?? ''];
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

/** Whether no address of the vault answers. */
export const isStopped = (answers: readonly NodeAnswer[]): boolean =>
  answers.length > 0 && answers.every(({ refusal }) => refusal?.code === 'unreachable');

const stoppedSentence = ([one, ...others]: readonly NodeAnswer[]): string =>
  others.length === 0
    ? `The vault at ${one?.addr} does not answer: it is stopped, or this machine cannot reach it.`
    : `None of the ${others.length + 1} nodes answers: the vault is stopped.`;

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
      ? 'The vault keeps working, and nothing that it acknowledged is lost.'
      : 'That is not a majority, so the vault refuses reads and writes until two nodes serve.';
  return [`${count} (${others.join(', ')}), ${copies}.`, goesOn];
};

const aboutKeys = (nodes: readonly NodeView[]): readonly string[] => {
  const opening = nodes.filter(({ report }) => report?.masterKey === 'usable').length;
  const without = nodes.flatMap(({ node, report }) =>
    report?.masterKey && report.masterKey !== 'usable'
      ? [`node ${node} (${report.masterKey})`]
      : [],
  );
  return sentenceIf(
    without,
    `${opening} of ${nodes.length} nodes can open values. The master key is not usable on ${without.join(', ')}.`,
  );
};

const sentenceIf = (names: readonly string[], sentence: string): readonly string[] =>
  names.length === 0 ? [] : [sentence];

const aboutStaleReads = (nodes: readonly NodeView[]): readonly string[] => {
  const stale = nodes.filter(({ report }) => report?.mayReadStale);
  const names = [...Map.groupBy(stale, ({ report }) => report?.etcd)].map(
    ([etcd, running]) =>
      `etcd ${etcd} of node${running.length > 1 ? 's' : ''} ${running.map(({ node }) => node).join(', ')}`,
  );
  const sentence = 'known to answer stale reads after a pause, see the runbook.';
  return sentenceIf(names, `${names.join('; ')}: ${sentence}`);
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
    `Certificates expire soon: ${ending.join(', ')}. Renew them with ${command}.`,
  );
};

const words: Readonly<Record<string, string>> = {
  waiting: 'waits',
  joining: 'joins',
  'catching-up': 'catches up',
  serving: 'serves',
  'no-majority': 'no majority',
  diverged: 'copy differs',
};

/** Returns the state in words that people read. Most states are such words already. */
export const wordsOf = (state: string): string => words[state] ?? state;

/** The sentence that every view shows when the master key cannot be used. */
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
  return [
    `Values can be neither read nor written on ${names}, because the master key cannot be used there.`,
  ];
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
