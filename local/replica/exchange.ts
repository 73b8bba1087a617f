/**
 * The nodes tell each other every second where they stand. By that each knows who is behind, what the log may forget,
 * and whether a node differs, which then serves no more.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeConfig } from './config.ts';
import type { NodeMemory } from './memory.ts';
import { type AskPeer, askText } from './peers.ts';
import { type Answer, type NodeReport, parseAnswer, parseReport } from './report.ts';

export type ExchangeOptions = {
  readonly config: NodeConfig;
  readonly ask: AskPeer;
  readonly memory: NodeMemory;
  readonly report: () => NodeReport;
  readonly findDigest: (revision: number) => string | undefined;
  /** Called once, when this node turns out to be the one that differs, or nobody can tell which one does. */
  readonly onDiverged: (reason: string) => void;
  /** By default a second. */
  readonly everyMs?: number;
};

export type Exchange = {
  /** To be called with what another node says of itself; returns what it is to be told. */
  readonly hear: (text: string) => Promise<string>;
  /** The last that each other node said; `alive: false` if it did not answer since. */
  readonly others: () => readonly NodeReport[];
  /** Whether no two nodes were seen to differ. */
  readonly areEqual: () => boolean;
  /** The others' applied revisions, of those heard within the last minute. */
  readonly appliedLately: () => readonly number[];
  /** From now on the others write down what this node says. Resolves when a majority, with this one, has. */
  readonly announce: () => Promise<void>;
  readonly close: () => Promise<void>;
};

const presetMs = 1_000;
const silenceMs = 900;
const latelyMs = 60_000;
/** A node that lives tells within so many rounds whom it equals; until then it might be this one. */
const undecidedRoundsMax = 10;

/** What two nodes were to each other when they could last be compared. */
type Verdict = { readonly revision: number; readonly isEqual: boolean };

/** Whether two reports agree where both can be judged; `undefined` if they cannot. */
const compare = (
  findDigest: (revision: number) => string | undefined,
  own: NodeReport,
  other: NodeReport,
): boolean | undefined => {
  const [mine, theirs] = [own.content, other.content];
  const isSameMoment = mine !== null && mine.revision === theirs?.revision;
  if (isSameMoment && mine.digest !== theirs?.digest) return false;
  const digest = findDigest(other.appliedRevision);
  return digest === undefined ? undefined : digest === other.digest;
};

/** Starts to exchange reports. */
export const startExchange = (options: ExchangeOptions): Exchange => {
  const { config, ask, memory, report, findDigest, onDiverged, everyMs = presetMs } = options;
  const heard = new Map<number, { readonly report: NodeReport; readonly at: number }>();
  const verdicts = new Map<number, Verdict>();
  const silent = new Set<number>();
  const peers = config.nodes.map(({ node }) => node).filter((node) => node !== config.node);
  let undecidedRounds = 0;
  let isAnnounced = false;
  let isClosing = false;
  let hasAnnounced: () => void = () => undefined;
  const announced = new Promise<void>((resolve) => {
    hasAnnounced = resolve;
  });

  const note = (said: NodeReport, revision: number, isEqual: boolean | null | undefined): void => {
    heard.set(said.node, { report: said, at: performance.now() });
    const isLater = revision >= (verdicts.get(said.node)?.revision ?? 0);
    if (typeof isEqual === 'boolean' && isLater) verdicts.set(said.node, { revision, isEqual });
  };

  /**
   * A node that differs from one and equals no majority must not go on: it may be the wrong one. Only who was equal
   * where the others differed counts: whoever was so before, and is dead since, would be on both sides.
   */
  const judge = (): void => {
    const different = peers.filter((node) => verdicts.get(node)?.isEqual === false);
    if (different.length === 0 || memory.diverged() !== undefined) return;
    const from = Math.min(...different.map((node) => verdicts.get(node)?.revision ?? 0));
    const others = peers.filter((node) => !different.includes(node));
    const same = others.filter((node) => (verdicts.get(node)?.revision ?? -1) >= from);
    if (same.length + 1 > config.nodes.length / 2) return;
    const isUndecided = others.some((node) => !same.includes(node) && !silent.has(node));
    if (isUndecided && undecidedRounds < undecidedRoundsMax) return;
    const names = different.join(' and ');
    onDiverged(`at revision ${from} this node differs from node ${names}`);
  };

  const tell = async (node: number): Promise<Answer> => {
    const own = report();
    const body = JSON.stringify({ ...own, announced: isAnnounced });
    const answer = parseAnswer(
      await askText(ask, node, 'POST', '/exchange', { body, timeoutMs: silenceMs }),
    );
    const seen = compare(findDigest, report(), answer.report);
    if (seen === undefined) note(answer.report, own.appliedRevision, answer.equal);
    else note(answer.report, answer.report.appliedRevision, seen);
    return answer;
  };

  const round = async (): Promise<void> => {
    const wasAnnounced = isAnnounced;
    const began = performance.now();
    const answers = await Promise.allSettled(peers.map(tell));
    for (const [index, { status }] of answers.entries()) {
      const node = peers[index] ?? 0;
      // One that does not answer, and yet speaks, has just come.
      const hasSpoken = (heard.get(node)?.at ?? 0) >= began;
      if (status === 'fulfilled' || hasSpoken) silent.delete(node);
      else silent.add(node);
    }
    const isDifferent = [...verdicts.values()].some(({ isEqual }) => !isEqual);
    undecidedRounds = isDifferent ? undecidedRounds + 1 : 0;
    judge();
    const told = answers.filter(({ status }) => status === 'fulfilled').length + 1;
    if (wasAnnounced && told > config.nodes.length / 2) hasAnnounced();
  };
  const work = async (): Promise<void> => {
    while (!isClosing) {
      await round();
      await sleep(everyMs, undefined, { ref: false });
    }
  };
  const worked = work();

  return {
    hear: async (text) => {
      const { announced: isFirm } = JSON.parse(text);
      const said = parseReport(text);
      const { start, appliedRevision } = said;
      if (isFirm === true) await memory.hear(said.node, { start, appliedRevision });
      const isEqual = compare(findDigest, report(), said);
      note(said, appliedRevision, isEqual);
      silent.delete(said.node);
      judge();
      return JSON.stringify({ report: report(), equal: isEqual ?? null } satisfies Answer);
    },
    others: () =>
      peers.flatMap((node) => {
        const known = heard.get(node)?.report;
        return known ? [{ ...known, alive: !silent.has(node) }] : [];
      }),
    areEqual: () => [...verdicts.values()].every(({ isEqual }) => isEqual),
    appliedLately: () =>
      [...heard.values()]
        .filter(({ at }) => performance.now() - at < latelyMs)
        .map(({ report: { appliedRevision } }) => appliedRevision),
    announce: async () => {
      isAnnounced = true;
      await round();
      await announced;
    },
    close: async () => {
      isClosing = true;
      await worked;
    },
  };
};
