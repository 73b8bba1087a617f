/**
 * What is asked of a node's own store for entries of the log, as often as it takes: that the store is killed, full or
 * slow for a while is no outcome. Only one that dies of an entry is not asked for ever.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, isFailure, sentenceOf } from '../command.ts';
import type { LogEntry } from './batch.ts';
import { type Bookkeeping, readPosition, strayed } from './bookkeeping.ts';
import { isPassing, judgeProbe, type Plan, probe, type Settled } from './plan.ts';
import type { StoreClient } from './store.ts';
import { reasonsOf, type WireReply } from './wire.ts';
import { outcomeCode, type Write } from './write.ts';

export type SenderOptions = {
  readonly store: StoreClient;
  readonly bookkeeping: Bookkeeping;
  /** How often the store has died since the node started. */
  readonly storeDeaths: () => number;
  /** Gets one line when the store does not take an entry for a while. */
  readonly report: (line: string) => void;
};

/** Each throws a sentence if the store dies twice of a single entry. */
export type Sender = {
  /** Asks until there is an answer; `undefined` if it is stopped before. Throws the sentence of an `ask` that fails for good. */
  readonly untilAnswered: <Answer>(
    run: readonly LogEntry[],
    ask: () => Promise<Answer>,
  ) => Promise<Answer | undefined>;
  /**
   * Sends one transaction until the store has answered it. A lost answer is settled by the position, which is asked
   * for until it is told: it is this transaction's or not. Any refusal but the first may be that of a second run.
   * `lost`: the store died and has not applied it, and the run is to be tried entry by entry.
   */
  readonly send: (run: readonly LogEntry[], plan: Plan) => Promise<'applied' | 'lost' | WireReply>;
  /**
   * Settles what the store refuses of an entry that it refuses as a whole, without a word of which write it is about.
   * Whether a write is refused for what it is does not depend on what the store holds, so this is the same on all nodes.
   */
  readonly refuseParts: (
    logEntry: LogEntry,
    whole: WireReply,
    settled: Map<Write, Settled>,
  ) => Promise<void>;
};

const retryFirstMs = 10;
const retryLastMs = 500;
const reportEvery = 10;
const pause = (tries: number): Promise<void> =>
  sleep(Math.min(retryLastMs, retryFirstMs * 2 ** tries));

/** `signal` stops it after the call that is under way. */
export const createSender = (options: SenderOptions, signal: AbortSignal): Sender => {
  const { store, bookkeeping, storeDeaths, report } = options;

  /** Waits a little for the store; throws if it has died of the one entry that it was given. */
  const endure = async (run: readonly LogEntry[], tries: number, deaths: number, why: string) => {
    const [{ revision, writes } = { revision: 0, writes: [] }] = run;
    if (run.length === 1 && storeDeaths() - deaths >= 2) {
      const ids = writes.map(({ id }) => id).join(', ');
      throw failure(`the store has died twice on revision ${revision} (${ids}): ${why}`);
    }
    if (tries % reportEvery === 0) report(`the store does not take revision ${revision}: ${why}`);
    await pause(tries);
  };

  const untilAnswered: Sender['untilAnswered'] = async (run, ask) => {
    const deaths = storeDeaths();
    for (let tries = 1; !signal.aborted; tries += 1) {
      try {
        return await ask();
      } catch (error) {
        if (isFailure(error)) throw error;
        await endure(run, tries, deaths, sentenceOf(error));
      }
    }
    return undefined;
  };

  const send: Sender['send'] = async (run, { actions, last }) => {
    const from = bookkeeping.position;
    const deaths = storeDeaths();
    for (let tries = 1; ; tries += 1) {
      let why: string;
      let refused: WireReply | undefined;
      try {
        const reply = await store.call('TransactWriteItems', { TransactItems: actions });
        if (reply.status === 200) return 'applied';
        const isAnswer = reply.status === 400 && !isPassing(reply);
        const hasMoved = reasonsOf(reply)[actions.length - 1]?.Code === 'ConditionalCheckFailed';
        if (isAnswer && !hasMoved && tries === 1) return reply;
        refused = isAnswer ? reply : undefined;
        why = JSON.stringify(reply.body);
      } catch (error) {
        why = sentenceOf(error);
      }
      const at = await untilAnswered(run, () => readPosition(store));
      if (at === undefined) return 'lost';
      if (at.revision === last.revision && at.digest === last.digest) return 'applied';
      if (at.revision !== from.revision) throw strayed(at, from);
      if (refused !== undefined) return refused;
      await endure(run, tries, deaths, why);
      if (signal.aborted || (run.length > 1 && storeDeaths() > deaths)) return 'lost';
    }
  };

  const refuseParts: Sender['refuseParts'] = async (logEntry, whole, settled) => {
    const left = logEntry.writes.filter((write) => !settled.has(write));
    const before = settled.size;
    for (const write of left) {
      const reply = await untilAnswered([{ ...logEntry, writes: [write] }], async () => {
        const told = await store.call('TransactWriteItems', { TransactItems: probe(write) });
        if (told.status !== 400 || isPassing(told)) throw new Error(JSON.stringify(told.body));
        return told;
      });
      const verdict = reply && judgeProbe(reply);
      if (verdict) settled.set(write, verdict);
    }
    if (settled.size > before) return;
    // None by itself: then all of them are.
    for (const write of left) settled.set(write, { code: outcomeCode(whole), reply: whole });
  };

  return { untilAnswered, send, refuseParts };
};
