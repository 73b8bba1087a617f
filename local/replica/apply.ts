/**
 * Applies the log to a node's own store: strictly in order, each entry exactly once and whole, in one transaction with
 * the position that it moves to. Nothing here depends on a clock, chance, or which node it is.
 */
import { applyCreateTable } from './apply-create-table.ts';
import { countTogether, type LogEntry } from './batch.ts';
import { createDigestHistory, type DigestHistory, type Position } from './digest.ts';
import { judgeKeys } from './key-update.ts';
import { judge, type Plan, plan, type Settled } from './plan.ts';
import { judgeToken, rememberReceipt } from './receipts.ts';
import { readReturned } from './returned.ts';
import { createSender, type SenderOptions } from './sending.ts';
import type { Wire, WireReply } from './wire.ts';
import { appliedReply, isReturning, type Write } from './write.ts';

export type ApplierOptions = SenderOptions & {
  /** Gets the outcome of each write, in order. */
  readonly onOutcome: (write: Write, reply: WireReply, revision: number) => void;
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

/** Starts to apply what is offered. */
export const startApplier = (options: ApplierOptions): Applier => {
  const { store, bookkeeping, onOutcome } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const { untilAnswered, send, refuseParts } = createSender(options, signal);
  const digests = createDigestHistory();
  digests.add(bookkeeping.position);
  const queue: LogEntry[] = [];
  let wake: () => void = () => undefined;
  let wantMore: () => void = () => undefined;

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
    while (!signal.aborted) {
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
      if (signal.aborted) return;
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
    while (!signal.aborted) {
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
      closing.abort();
      wake();
      wantMore();
      await worked.catch(() => undefined);
    },
  };
};
