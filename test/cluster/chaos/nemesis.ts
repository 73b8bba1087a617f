/**
 * Makes nodes suffer faults, mostly one after the other and sometimes several at once, as the seed
 * decides, until the run is over.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type createFaults, type FaultKind, losesItsFolder } from './faults.ts';
import type { Nodes } from './nodes.ts';
import { createRandom, type Random } from './random.ts';

export type Nemesis = {
  readonly faults: () => number;
  readonly byKind: () => Readonly<Record<string, number>>;
  /** Resolves when the last fault has ended. */
  readonly ended: Promise<void>;
};

export type NemesisOptions = {
  readonly seed: number;
  readonly nodes: Nodes;
  readonly faults: ReturnType<typeof createFaults>;
  readonly kinds: readonly FaultKind[];
  /** Whether the run is over after this number of faults. Asked again and again. */
  readonly isOver: (faults: number) => boolean;
  /** Whether there have been more faults than are due so far. If so, the next one waits. */
  readonly isAhead: (faults: number) => boolean;
  readonly report: (line: string) => void;
};

/** How long to wait at most until all nodes serve, before and after a node loses its folder. */
const recoveryMsMax = 30_000;

/** Yields all kinds in random order, then all again in another order, and so on. */
function* inTurns(random: Random, kinds: readonly FaultKind[]): Generator<FaultKind> {
  while (kinds.length > 0) yield* random.shuffle(kinds);
}

const durationMs = (random: Random): number =>
  // Some faults last longer than the ten seconds of a request.
  random.chance(0.08) ? 11_000 + random.below(3_000) : 150 + random.below(3_500);

export const startNemesis = (options: NemesisOptions): Nemesis => {
  const { seed, nodes, faults, report } = options;
  const random = createRandom(seed, 'nemesis');
  const counts = new Map<FaultKind, number>();
  const afflicted = new Set<number>();
  const healing = new Set<Promise<void>>();

  const total = () => [...counts.values()].reduce((sum, count) => sum + count, 0);
  const isOver = () => options.isOver(total());

  const allServe = async (): Promise<boolean> => {
    for (const until = Date.now() + recoveryMsMax; Date.now() < until && !isOver(); ) {
      const states = await Promise.all(nodes.all.map(nodes.status));
      if (states.every((status) => status?.state === 'serving')) return true;
      await sleep(300);
    }
    return false;
  };
  const afflict = async (kind: FaultKind, node: number, lastsMs: number): Promise<void> => {
    afflicted.add(node);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    report(`${kind} of node ${node} for ${lastsMs} ms`);
    const heal = await faults[kind](node);
    await sleep(lastsMs);
    heal();
    afflicted.delete(node);
  };
  const victims = (kind: FaultKind): readonly number[] => {
    const free = random.shuffle(nodes.all.filter((node) => !afflicted.has(node)));
    // Only one node at a time may lose its folder, while all others serve.
    if (losesItsFolder(kind)) return free.slice(0, 1);
    const lot = random.below(100);
    return free.slice(0, lot < 3 ? nodes.all.length : lot < 15 ? 2 : 1);
  };
  const run = async (): Promise<void> => {
    for (const kind of inTurns(random, options.kinds)) {
      while (options.isAhead(total()) && !isOver()) await sleep(100);
      if (isOver()) break;
      if (losesItsFolder(kind)) {
        await Promise.all(healing);
        if (!(await allServe())) continue;
      }
      const lastsMs = durationMs(random);
      const done = Promise.all(victims(kind).map((node) => afflict(kind, node, lastsMs)));
      const healed = done.then(() => void healing.delete(healed));
      healing.add(healed);
      // Usually the next fault begins some time after this one has ended.
      if (losesItsFolder(kind)) {
        await healed;
        await allServe();
      } else if (random.chance(0.85)) await healed;
      await sleep(200 + random.below(1_800));
    }
    await Promise.all(healing);
  };
  return { faults: total, byKind: () => Object.fromEntries([...counts].sort()), ended: run() };
};
