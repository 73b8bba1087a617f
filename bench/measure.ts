/**
 * Measures one store or two. They take short turns, so that other load on the machine affects both
 * equally, and each pair of turns gives one ratio. A failed request ends the bench.
 */
import { tableLines } from '../system/table.ts';
import type { Operation, Store, Task } from './stores.ts';

type Turn = {
  readonly perSecond: number;
  /** In milliseconds. */
  readonly latencies: readonly number[];
};

type Measured = { readonly store: string; readonly turns: readonly Turn[] };

export type Figure = {
  readonly operation: Operation;
  readonly clients: number;
  /** One entry for each store. A second one is the peer of the first. */
  readonly measured: readonly Measured[];
};

/** An odd number, so that one turn is the median. */
const turnsEach = 9;
/** The number of clients that keeps every process busy. */
const warmingClients = 16;

/**
 * Performs the task in a closed loop: each client begins its next operation when its previous one
 * has ended.
 */
const load = async (task: Task, clients: number, forMs: number): Promise<Turn> => {
  const latencies: number[] = [];
  const begun = performance.now();
  const runClient = async (client: number): Promise<void> => {
    for (let at = performance.now(); at < begun + forMs; ) {
      await task(client);
      const now = performance.now();
      latencies.push(now - at);
      at = now;
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, client) => runClient(client)));
  return { latencies, perSecond: (latencies.length * 1000) / (performance.now() - begun) };
};

/**
 * Lets each store perform the operation for `forMs` without measuring. Node compiles hot code
 * during the first thousands of operations, so figures of the first seconds would measure the
 * compiler.
 */
export const warmUp = async (
  stores: readonly Store[],
  operation: Operation,
  forMs: number,
): Promise<void> => {
  for (const store of stores) await load(await store.prepare(operation), warmingClients, forMs);
};

/** Measures each store under load for `forMs`, after a warm-up of one turn. */
export const measure = async (
  stores: readonly Store[],
  operation: Operation,
  clients: number,
  forMs: number,
): Promise<Figure> => {
  const runs: { task: Task; store: string; turns: Turn[] }[] = [];
  for (const store of stores) {
    runs.push({ task: await store.prepare(operation), store: store.name, turns: [] });
  }
  for (let turn = 0; turn <= turnsEach; turn += 1) {
    for (const { task, turns } of runs) {
      const taken = await load(task, clients, forMs / turnsEach);
      if (turn > 0) turns.push(taken);
    }
  }
  return { operation, clients, measured: runs };
};

/** Returns the smallest number such that at least this share of all is not larger. */
const percentile = (numbers: readonly number[], share: number): number => {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
};

/** A number with about three significant digits. */
const shown = (number: number): string =>
  number >= 100 ? number.toFixed(0) : number.toPrecision(3);

/** The median, and in parentheses the smallest and the largest number. */
const spread = (numbers: readonly number[]): string => {
  const [least, median, most] = [0, 0.5, 1].map((share) => shown(percentile(numbers, share)));
  return `${median} (${least}–${most})`;
};

/**
 * Returns a table with one row for each figure and store. The ratio is the rate of the first store
 * divided by that of its peer, in the same pair of turns.
 */
export const resultsTable = (figures: readonly Figure[]): string => {
  const rows = figures.flatMap(({ operation, clients, measured }) =>
    measured.map(({ store, turns }, index) => {
      const rates = turns.map(({ perSecond }) => perSecond);
      const latencies = turns.flatMap((turn) => turn.latencies);
      const peer = measured[index + 1];
      const ratios = peer?.turns.map(
        ({ perSecond }, turn) => (rates[turn] ?? Number.NaN) / perSecond,
      );
      return [
        ...[operation, String(clients), store, spread(rates)],
        ...[shown(percentile(latencies, 0.99)), ratios === undefined ? '' : spread(ratios)],
      ];
    }),
  );
  return tableLines(['operation', 'clients', 'of', 'per s', 'p99 ms', 'ratio'], rows).join('\n');
};
