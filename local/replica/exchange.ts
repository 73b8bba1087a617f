/**
 * The nodes tell each other every second where they stand. By that each knows who is behind, what the log may forget,
 * and whether a node differs, which then serves no more.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeConfig } from './config.ts';
import type { Difference, NodeMemory } from './memory.ts';
import { type AskPeer, askText } from './peers.ts';
import { type Answer, type NodeReport, parseAnswer, parseReport } from './report.ts';
import { type Comparison, compareReports, createVerdicts, type Judgement } from './verdicts.ts';

export type ExchangeOptions = {
  readonly config: NodeConfig;
  readonly ask: AskPeer;
  readonly memory: NodeMemory;
  readonly report: () => NodeReport;
  readonly findDigest: (revision: number) => string | undefined;
  /** Called when this node turns out to be the one that is wrong, or, with what differs, nobody can tell which one is. */
  readonly onDiverged: (reason: string, undecided?: readonly Difference[]) => void;
  /** Called when it has turned out that this node may go on after all. */
  readonly onEqual: (reason: string) => void;
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
const pendingRoundsMax = 10;

/** Starts to exchange reports. */
export const startExchange = (options: ExchangeOptions): Exchange => {
  const { config, ask, memory, report, findDigest, onDiverged, onEqual } = options;
  const { everyMs = presetMs } = options;
  const heard = new Map<number, { readonly report: NodeReport; readonly at: number }>();
  const silent = new Set<number>();
  const peers = config.nodes.map(({ node }) => node).filter((node) => node !== config.node);
  const verdicts = createVerdicts(peers, memory.undecided());
  let pendingRounds = 0;
  let isAnnounced = false;
  let isClosing = false;
  let hasAnnounced: () => void = () => undefined;
  const announced = new Promise<void>((resolve) => {
    hasAnnounced = resolve;
  });

  const note = (said: NodeReport, comparisons: readonly Comparison[]): void => {
    heard.set(said.node, { report: said, at: performance.now() });
    verdicts.note(said, comparisons);
  };
  const hasConceded = (node: number): boolean => heard.get(node)?.report.conceded ?? false;

  /** Stops where this node must not go on, and lets it go on where that is settled. */
  const judge = (): Judgement => {
    const judgement = verdicts.judge(hasConceded, (node) => !silent.has(node));
    const isHeld = memory.diverged() !== undefined;
    const isConceding = isHeld && memory.undecided() === undefined;
    if (isConceding) return judgement;
    if (judgement.is === 'wrong') onDiverged(judgement.reason);
    if (judgement.is === 'equal' && isHeld) onEqual('the difference is settled');
    if (judgement.is !== 'undecided' || isHeld) return judgement;
    const isPatient = judgement.isPending && pendingRounds < pendingRoundsMax;
    if (!isPatient)
      onDiverged(`${judgement.reason}, and no majority tells who is wrong`, judgement.by);
    return judgement;
  };

  const tell = async (node: number): Promise<Answer> => {
    const own = report();
    const body = JSON.stringify({ ...own, announced: isAnnounced });
    const answer = parseAnswer(
      await askText(ask, node, 'POST', '/exchange', { body, timeoutMs: silenceMs }),
    );
    const seen = compareReports(findDigest, report(), answer.report);
    const { appliedRevision: revision } = own;
    const { equal: isEqual } = answer;
    // Who is ahead of this node knows its digest.
    note(answer.report, isEqual === null ? seen : [{ of: 'outcomes', revision, isEqual }, ...seen]);
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
    pendingRounds = judge().is === 'undecided' ? pendingRounds + 1 : 0;
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
      const comparisons = compareReports(findDigest, report(), said);
      note(said, comparisons);
      silent.delete(said.node);
      judge();
      const equal = comparisons.find(({ of }) => of === 'outcomes')?.isEqual ?? null;
      return JSON.stringify({ report: report(), equal } satisfies Answer);
    },
    others: () =>
      peers.flatMap((node) => {
        const known = heard.get(node)?.report;
        return known ? [{ ...known, alive: !silent.has(node) }] : [];
      }),
    areEqual: () =>
      verdicts.areEqual() &&
      [...heard.values()].every(({ report: { state } }) => state !== 'diverged'),
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
