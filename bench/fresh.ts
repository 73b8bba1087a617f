/**
 * Checks whether the first read at another node shows a write that was acknowledged just before, while other clients
 * keep all nodes busy with writes. Busy nodes can lag further behind.
 */
import type { Performer, Secret } from './described.ts';
import { newPrefix, newSecret, newValue, times } from './operations.ts';
import { percentile } from './statistics.ts';

export type Freshness = {
  readonly subject: string;
  readonly reads: number;
  readonly missed: number;
  /** How long after the acknowledgement the missed writes became visible; NaN if none was missed. */
  readonly visibleP50Ms: number;
};

const firstReads = 200;
const busyClients = 12;
const visibleLimitMs = 5_000;

/** Writes at all nodes until stopped. */
const keepBusy = (perform: Performer): (() => Promise<unknown>) => {
  const prefix = newPrefix('B');
  let isOver = false;
  let count = 0;
  const write = async (client: number): Promise<void> => {
    while (!isOver) {
      count += 1;
      await perform(client, 'create', newSecret(`${prefix}_${count}`));
    }
  };
  const writing = Promise.all(times(busyClients, write));
  // The promise is awaited only at the end, and may fail before.
  writing.catch(() => undefined);
  return () => {
    isOver = true;
    return writing;
  };
};

const shows = async (
  perform: Performer,
  node: number,
  { name, value }: Secret,
): Promise<boolean> => {
  const read: Secret = { name };
  await perform(node, 'get', read).catch(() => undefined);
  return read['value'] === value;
};

/** Writes at one node, creates and updates alternately, and reads at the next one, around all nodes. */
export const measureFreshness = async (subject: string, perform: Performer): Promise<Freshness> => {
  const prefix = newPrefix('F');
  const stop = keepBusy(perform);
  const delays: number[] = [];
  let secret: Secret = {};
  for (let turn = 0; turn < firstReads; turn += 1) {
    const isCreate = turn % 2 === 0;
    secret = isCreate ? newSecret(`${prefix}_${turn}`) : { ...secret, value: newValue() };
    await perform(turn, isCreate ? 'create' : 'update', secret);
    const at = performance.now();
    if (await shows(perform, turn + 1, secret)) continue;
    while (performance.now() - at < visibleLimitMs) {
      if (await shows(perform, turn + 1, secret)) break;
    }
    delays.push(performance.now() - at);
  }
  await stop();
  delays.sort((a, b) => a - b);
  const visibleP50Ms = percentile(delays, 0.5);
  return { subject, reads: firstReads, missed: delays.length, visibleP50Ms };
};
