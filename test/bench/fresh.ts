/** Whether the first read at another node shows a write that was acknowledged a moment before. */
import type { Perform, Secret } from './described.ts';
import { newPrefix, newSecret, newValue } from './operations.ts';
import { percentile } from './statistics.ts';

export type Freshness = {
  readonly subject: string;
  readonly reads: number;
  readonly missed: number;
  /** How long after the acknowledgement the reads that missed would have seen the write; NaN if none missed. */
  readonly visibleP50Ms: number;
};

const firstReads = 200;
const visibleLimitMs = 5_000;

const shows = async (perform: Perform, node: number, { name, value }: Secret): Promise<boolean> => {
  const read: Secret = { name };
  await perform(node, 'get', read).catch(() => undefined);
  return read['value'] === value;
};

/** Writes at one node, a create and an update in turn, and reads at the next one, around all nodes. */
export const measureFreshness = async (subject: string, perform: Perform): Promise<Freshness> => {
  const prefix = newPrefix('F');
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
  delays.sort((a, b) => a - b);
  const visibleP50Ms = percentile(delays, 0.5);
  return { subject, reads: firstReads, missed: delays.length, visibleP50Ms };
};
