/** Brings faults upon nodes, one after the other and at times together, as the seed says, until the run is over. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type createFaults, type FaultKind, losesItsFolder } from './faults.ts';
import type { Nodes } from './nodes.ts';
import { createRandom, type Random } from './random.ts';

export type Nemesis = {
  readonly faults: () => number;
  /** How many of each kind there were. */
  readonly byKind: () => Readonly<Record<string, number>>;
  /** Settles when the last fault is made good. */
  readonly ended: Promise<void>;
};

export type NemesisOptions = {
  readonly seed: number;
  readonly nodes: Nodes;
  readonly faults: ReturnType<typeof createFaults>;
  readonly kinds: readonly FaultKind[];
  /** Asked before each fault, with how many there were. */
  readonly isOver: (faults: number) => boolean;
  /** Whether there were more faults so far than are due: the next one waits. */
  readonly isAhead: (faults: number) => boolean;
  readonly report: (line: string) => void;
};

/** How long a node may take to serve again before it loses its folder, or another one does. */
const recoveryMsMax = 30_000;

/** All kinds in an order of their own, again and again. */
function* inTurns(random: Random, kinds: readonly FaultKind[]): Generator<FaultKind> {
  while (kinds.length > 0) yield* random.shuffle(kinds);
}

const durationMs = (random: Random): number =>
  // Some outlast the ten seconds of a request.
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
    // Losing a folder is for one alone, with all others there.
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
      // Mostly the next one waits until this one is over, and a little longer.
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
