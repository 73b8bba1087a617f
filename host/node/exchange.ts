/**
 * Exchanges reports: every second each node sends its report to the others. Once the node has
 * announced itself, they write down its start number and counter. This module keeps the reports
 * that this node has received.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { sentenceOf } from '../../system/failures.ts';
import type { Counter } from './counter.ts';
import { type NodeConfig, othersOf } from './node-config.ts';
import type { NodeRecord } from './node-record.ts';
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
   * Called when another node's report is a reason to compare the copies: that node has just
   * diverged, or it has just started and knows a later revision than this node.
   */
  readonly onDoubt: () => void;
  /** Called with a message when the counter cannot be written. */
  readonly report: (line: string) => void;
  /** The time between two rounds of calls; `reportEveryMs` by default. */
  readonly everyMs?: number;
};

export type Exchange = {
  /** Receives the report of another node, and resolves to this node's report. */
  readonly receive: (text: string) => Promise<string>;
  /**
   * The last report of each other node, with `alive: false` if the node did not answer the last
   * call and has sent nothing since.
   */
  readonly others: () => readonly NodeReport[];
  /**
   * The highest revision that each other node knew when it last reported. All of these were
   * committed.
   */
  readonly committed: () => ReadonlyMap<number, number>;
  /**
   * From now on the other nodes write down the start number and counter of this node's reports.
   * Resolves when a majority, including this node, has written them down once, or when the exchange
   * is closed.
   */
  readonly announce: () => Promise<void>;
  readonly close: () => Promise<void>;
};

type Received = {
  readonly report: NodeReport;
  /** When the report was received, in the time of `performance.now()`. */
  readonly at: number;
  readonly committed: number;
};

export const startExchange = (options: ExchangeOptions): Exchange => {
  const { config, ask, record, counter, ownReport, onDoubt, report } = options;
  const { everyMs = nodeTimes.reportEveryMs } = options;
  const received = new Map<number, Received>();
  const silent = new Set<number>();
  const peers = othersOf(config);
  const announced = Promise.withResolvers<void>();
  let isAnnounced = false;
  let isClosing = false;
  /** Ends the pause before the next round. */
  let wake = (): void => undefined;
  let failed = '';

  /**
   * Raises the counter on disk before it is sent. If the other nodes wrote down a higher number
   * than the one on disk, they would consider this node's files old. Returns whether the write
   * succeeded.
   */
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

  const keep = (said: NodeReport): void => {
    const before = received.get(said.node);
    const committed = committedOf(said);
    received.set(said.node, { report: said, at: performance.now(), committed });
    const hasDiverged = said.state === 'diverged' && before?.report.state !== 'diverged';
    const hasStarted = said.start !== before?.report.start;
    if (hasDiverged || (hasStarted && committed > committedOf(ownReport()))) onDoubt();
  };

  const send = async (node: number, isFirm: boolean): Promise<void> => {
    const body = JSON.stringify({ ...ownReport(), announced: isFirm });
    const answer = await ask(node, 'POST', '/report', {
      body,
      timeoutMs: nodeTimes.silenceMs,
    });
    keep(parseReport(answer));
  };

  const round = async (): Promise<void> => {
    const isFirm = isAnnounced && (await raise());
    const began = performance.now();
    const answers = await Promise.allSettled(peers.map((node) => send(node, isFirm)));
    for (const [index, { status }] of answers.entries()) {
      const node = peers[index] ?? 0;
      // A node that has just started may send a report before it can answer one.
      const hasSent = (received.get(node)?.at ?? 0) >= began;
      if (status === 'fulfilled' || hasSent) silent.delete(node);
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
    receive: async (text) => {
      const { announced: isFirm } = JSON.parse(text);
      const said = parseReport(text);
      const { start, counter: count } = said;
      keep(said);
      silent.delete(said.node);
      if (isFirm === true) await record.receive(said.node, { start, counter: count });
      return JSON.stringify(ownReport());
    },
    others: () =>
      [...received.values()].map(({ report: said }) => ({
        ...said,
        alive: !silent.has(said.node),
      })),
    committed: () => new Map([...received].map(([node, { committed }]) => [node, committed])),
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
