/**
 * The exchange of reports: each second the nodes tell each other how they are, and write down each other's
 * start and counter.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { sentenceOf } from '../../system/failures.ts';
import type { Counter, NodeRecord } from './joining.ts';
import { type NodeConfig, othersOf } from './node-config.ts';
import { nodeTimes } from './node-times.ts';
import type { PeerCall } from './peers.ts';
import { committedOf, type NodeReport, parseReport } from './report.ts';

export type ExchangeOptions = {
  readonly config: NodeConfig;
  readonly ask: PeerCall;
  readonly record: NodeRecord;
  readonly counter: Counter;
  readonly ownReport: () => NodeReport;
  /**
   * Called when another node's report is a reason to compare: it says for the first time that it has diverged, or it has
   * started and knows a later revision than this node.
   */
  readonly onDoubt: () => void;
  /** Called with a sentence when the counter cannot be written. */
  readonly report: (line: string) => void;
  /** By default `reportEveryMs`. */
  readonly everyMs?: number;
};

export type Exchange = {
  /** Takes the report of another node, and resolves to this node's. */
  readonly hear: (text: string) => Promise<string>;
  /** The last reports of the other nodes; `alive: false` if a node has not answered since. */
  readonly others: () => readonly NodeReport[];
  /** By node, the highest revision that it has reported: it was committed by then. */
  readonly committed: () => ReadonlyMap<number, number>;
  /**
   * From now on the others write down this node's reports. Resolves when a majority, with this node, has one,
   * or the exchange is closed.
   */
  readonly announce: () => Promise<void>;
  readonly close: () => Promise<void>;
};

type Heard = {
  readonly report: NodeReport;
  /** In the time of `performance.now()`. */
  readonly at: number;
  readonly committed: number;
};

export const startExchange = (options: ExchangeOptions): Exchange => {
  const { config, ask, record, counter, ownReport, onDoubt, report } = options;
  const { everyMs = nodeTimes.reportEveryMs } = options;
  const heard = new Map<number, Heard>();
  const silent = new Set<number>();
  const peers = othersOf(config);
  const announced = Promise.withResolvers<void>();
  let isAnnounced = false;
  let isClosing = false;
  /** Ends the pause before the next round. */
  let wake = (): void => undefined;
  let failed = '';

  /** Raises the counter. A report that others write down must not be ahead of what the disk holds. */
  const raise = async (): Promise<boolean> => {
    try {
      await counter.raise();
      failed = '';
      return true;
    } catch (error) {
      const why = sentenceOf(error);
      if (why !== failed) report(`its counter cannot be written: ${why}`);
      failed = why;
      return false;
    }
  };

  const note = (said: NodeReport): void => {
    const before = heard.get(said.node);
    // A node of an older release forgets what it had applied when its etcd ends.
    const forgotten = said.knownRevision === 0 ? (before?.committed ?? 0) : 0;
    const committed = Math.max(committedOf(said), forgotten);
    heard.set(said.node, { report: said, at: performance.now(), committed });
    const hasDiverged = said.state === 'diverged' && before?.report.state !== 'diverged';
    const hasStarted = said.start !== before?.report.start;
    if (hasDiverged || (hasStarted && committed > committedOf(ownReport()))) onDoubt();
  };

  const tell = async (node: number, isFirm: boolean): Promise<void> => {
    const body = JSON.stringify({ ...ownReport(), announced: isFirm });
    const answer = await ask(node, 'POST', '/report', {
      body,
      timeoutMs: nodeTimes.silenceMs,
    });
    note(parseReport(answer));
  };

  const round = async (): Promise<void> => {
    const isFirm = isAnnounced && (await raise());
    const began = performance.now();
    const answers = await Promise.allSettled(peers.map((node) => tell(node, isFirm)));
    for (const [index, { status }] of answers.entries()) {
      const node = peers[index] ?? 0;
      // A node that has just started may speak before it can answer.
      const hasSpoken = (heard.get(node)?.at ?? 0) >= began;
      if (status === 'fulfilled' || hasSpoken) silent.delete(node);
      else silent.add(node);
    }
    const written = answers.filter(({ status }) => status === 'fulfilled').length + 1;
    if (isFirm && written > config.nodes.length / 2) announced.resolve();
  };
  const work = async (): Promise<void> => {
    while (!isClosing) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await round();
      await Promise.race([woken, sleep(everyMs, undefined, { ref: false })]);
    }
  };
  const worked = work();

  return {
    hear: async (text) => {
      const { announced: isFirm } = JSON.parse(text);
      const said = parseReport(text);
      const { start, counter: count } = said;
      note(said);
      silent.delete(said.node);
      if (isFirm === true) await record.hear(said.node, { start, counter: count });
      return JSON.stringify(ownReport());
    },
    others: () =>
      [...heard.values()].map(({ report: said }) => ({ ...said, alive: !silent.has(said.node) })),
    committed: () => new Map([...heard].map(([node, { committed }]) => [node, committed])),
    announce: async () => {
      isAnnounced = true;
      wake();
      await announced.promise;
    },
    close: async () => {
      isClosing = true;
      wake();
      announced.resolve();
      await worked;
    },
  };
};
