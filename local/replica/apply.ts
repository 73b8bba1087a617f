/**
 * Applies the log to a node's own store: strictly in order, each entry exactly once and whole, in one transaction with
 * the position that it moves to. Nothing here depends on a clock, chance, or which node it is.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, isFailure, sentenceOf } from '../command.ts';
import { applyCreateTable } from './apply-create-table.ts';
import { countTogether, type LogEntry } from './batch.ts';
import {
  type Bookkeeping,
  judgeToken,
  readPosition,
  rememberReceipt,
  strayed,
} from './bookkeeping.ts';
import { createDigestHistory, type DigestHistory, type Position } from './digest.ts';
import { judgeKeys } from './key-update.ts';
import { isPassing, judge, judgeProbe, type Plan, plan, probe, type Settled } from './plan.ts';
import { readReturned } from './returned.ts';
import type { StoreClient } from './store.ts';
import { reasonsOf, type Wire, type WireReply } from './wire.ts';
import { appliedReply, isReturning, outcomeCode, type Write } from './write.ts';

export type ApplierOptions = {
  readonly store: StoreClient;
  readonly bookkeeping: Bookkeeping;
  /** How often the store has died since the node started. */
  readonly storeDeaths: () => number;
  /** Gets the outcome of each write, in order. */
  readonly onOutcome: (write: Write, reply: WireReply, revision: number) => void;
  /** Gets one line when the store does not take an entry for a while. */
  readonly report: (line: string) => void;
};

export type Applier = {
  readonly position: () => Position;
  readonly digests: DigestHistory;
  /** Takes the entries that follow; resolves when it wants more. */
  readonly offer: (entries: readonly LogEntry[]) => Promise<void>;
  /** Settles only if it cannot go on; says why. */
  readonly failed: Promise<Error>;
  /** Ends after the transaction that is under way. */
  readonly close: () => Promise<void>;
};

/** More than this waits in the log, not here. */
const queueMax = 1_000;
const retryFirstMs = 10;
const retryLastMs = 500;
const reportEvery = 10;
const pause = (tries: number): Promise<void> =>
  sleep(Math.min(retryLastMs, retryFirstMs * 2 ** tries));

/** Starts to apply what is offered. */
export const startApplier = (options: ApplierOptions): Applier => {
  const { store, bookkeeping, storeDeaths, onOutcome, report } = options;
  const digests = createDigestHistory();
  digests.add(bookkeeping.position);
  const queue: LogEntry[] = [];
  let isClosing = false;
  let wake: () => void = () => undefined;
  let wantMore: () => void = () => undefined;

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

  /**
   * Asks the store until it answers; `undefined` if the applier is closed before. Throws if the store dies of it, and
   * the sentence of an `ask` that fails for good.
   */
  const untilAnswered = async <Answer>(
    run: readonly LogEntry[],
    ask: () => Promise<Answer>,
  ): Promise<Answer | undefined> => {
    const deaths = storeDeaths();
    for (let tries = 1; !isClosing; tries += 1) {
      try {
        return await ask();
      } catch (error) {
        if (isFailure(error)) throw error;
        await endure(run, tries, deaths, sentenceOf(error));
      }
    }
    return undefined;
  };

  /**
   * Sends one transaction until the store has answered it. A lost answer is settled by the position, which is asked
   * for until it is told: it is this transaction's or not. Any refusal but the first may be that of a second run.
   * `lost`: the store died and has not applied it, and the run is to be tried entry by entry.
   */
  const send = async (run: readonly LogEntry[], { actions, last }: Plan) => {
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
      if (isClosing || (run.length > 1 && storeDeaths() > deaths)) return 'lost';
    }
  };

  const commit = (
    run: readonly LogEntry[],
    { positions, last }: Plan,
    settled: ReadonlyMap<Write, Settled>,
    returned?: Wire,
  ) => {
    bookkeeping.position = last;
    for (const position of positions) digests.add(position);
    for (const { revision, writes } of run) {
      for (const write of writes) {
        const done = settled.get(write);
        if (!done && write.token) rememberReceipt(bookkeeping, revision, write.token);
        onOutcome(write, done?.reply ?? appliedReply(write, returned), revision);
      }
    }
  };

  /**
   * Settles what the store refuses of an entry that it refuses as a whole, without a word of which write it is about.
   * Whether a write is refused for what it is does not depend on what the store holds, so this is the same on all nodes.
   */
  const refuseParts = async (
    logEntry: LogEntry,
    whole: WireReply,
    settled: Map<Write, Settled>,
  ): Promise<void> => {
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

  const applyRun = async (run: readonly LogEntry[]): Promise<void> => {
    const settled = new Map<Write, Settled>();
    for (const { revision, writes } of run) {
      for (const write of writes) {
        const verdict =
          judgeToken(bookkeeping, revision, write) ?? judgeKeys(bookkeeping.tables, write);
        if (verdict !== undefined) settled.set(write, verdict);
      }
    }
    const [first] = run;
    const [only, ...others] = first?.writes ?? [];
    const isSingle = run.length === 1 && others.length === 0;
    const returned = isSingle && only && isReturning(only) ? only : undefined;
    const read = async () =>
      returned &&
      (await untilAnswered(run, () => readReturned(store, returned, bookkeeping.tables)));
    const before = await read();
    while (!isClosing) {
      const next = plan(bookkeeping.position, run, settled);
      const reply = await send(run, next);
      if (reply === 'applied') {
        const isOld = returned?.body['ReturnValues'] === 'ALL_OLD';
        const attributes = isOld ? before : await read();
        // Closed before the store told them: without them there is no reply.
        if (returned && attributes === undefined) return;
        return commit(run, next, settled, attributes);
      }
      if (reply === 'lost') return await applyEach(run);
      const judged = judge(next, reply);
      for (const [write, verdict] of judged) settled.set(write, verdict);
      if (judged.size > 0) continue;
      // Refused as a whole, with no word of what it is about.
      if (run.length > 1) return await applyEach(run);
      if (first) await refuseParts(first, reply, settled);
    }
  };

  const applyEach = async (run: readonly LogEntry[]): Promise<void> => {
    for (const logEntry of run) {
      if (isClosing) return;
      await applyRun([logEntry]);
    }
  };

  const createTable = async (logEntry: LogEntry, write: Write): Promise<void> => {
    const made = await untilAnswered([logEntry], () =>
      applyCreateTable(store, bookkeeping, logEntry, write),
    );
    if (made === undefined) return;
    const { position, reply } = made;
    const done = { actions: [], owners: [], positions: [position], last: position };
    commit([logEntry], done, new Map([[write, { code: '', reply }]]));
  };

  const work = async (): Promise<void> => {
    while (!isClosing) {
      const [first] = queue;
      if (first === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const run = queue.slice(0, countTogether(queue, bookkeeping.tables));
      const [write] = first.writes;
      // It goes with nothing else.
      const makesTable = write?.operation === 'CreateTable';
      await (makesTable ? createTable(first, write) : applyRun(run));
      queue.splice(0, run.length);
      if (queue.length < queueMax) wantMore();
    }
  };
  const worked = work();
  return {
    position: () => bookkeeping.position,
    digests,
    offer: async (entries) => {
      queue.push(...entries);
      wake();
      if (queue.length < queueMax) return;
      await new Promise<void>((resolve) => {
        wantMore = resolve;
      });
    },
    failed: new Promise((resolve) => {
      worked.catch(resolve);
    }),
    close: async () => {
      isClosing = true;
      wake();
      wantMore();
      await worked.catch(() => undefined);
    },
  };
};
