/** An applier over any client of a store, fed by the test. */
import { startApplier } from '../../local/replica/apply.ts';
import type { LogEntry } from '../../local/replica/batch.ts';
import { openBookkeeping } from '../../local/replica/bookkeeping.ts';
import type { StoreClient } from '../../local/replica/store.ts';
import type { WireReply } from '../../local/replica/wire.ts';
import { until } from './until.ts';

export type Applying = {
  readonly revision: () => number;
  readonly digest: () => string;
  readonly findDigest: (revision: number) => string | undefined;
  /** By the id of the write. */
  readonly outcomes: ReadonlyMap<string, WireReply>;
  readonly failed: Promise<Error>;
  readonly lines: readonly string[];
  /** Returns when it has been offered, applied or not. */
  readonly offer: (entries: readonly LogEntry[]) => void;
  /** Offers what the store has not applied yet, and waits until it has. */
  readonly apply: (entries: readonly LogEntry[], chunk?: number) => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Begins where the store stands. */
export const startApplying = async (
  store: StoreClient,
  storeDeaths: () => number = () => 0,
): Promise<Applying> => {
  const outcomes = new Map<string, WireReply>();
  const lines: string[] = [];
  const applier = startApplier({
    store,
    bookkeeping: await openBookkeeping(store),
    storeDeaths,
    onOutcome: ({ id }, reply) => {
      if (outcomes.has(id)) throw new Error(`write ${id} had an outcome already`);
      outcomes.set(id, reply);
    },
    report: (line) => void lines.push(line),
  });
  let failure: Error | undefined;
  void applier.failed.then((error) => {
    failure = error;
  });
  const revision = () => applier.position().revision;
  return {
    revision,
    digest: () => applier.position().digest,
    findDigest: applier.digests.find,
    outcomes,
    failed: applier.failed,
    lines,
    offer: (entries) => void applier.offer(entries),
    apply: async (entries, chunk = entries.length) => {
      const rest = entries.filter((entry) => entry.revision > revision());
      for (let from = 0; from < rest.length; from += chunk) {
        const part = rest.slice(from, from + chunk);
        await applier.offer(part);
        const last = part.at(-1)?.revision ?? 0;
        await until(() => {
          if (failure !== undefined) throw failure;
          return revision() >= last;
        }, 30_000);
      }
    },
    close: applier.close,
  };
};
