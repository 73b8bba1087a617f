/**
 * What clients fight over. A contest is a series of secrets, and a few of them are in play at a
 * time, so there are always some to create, some to change and some to read. A contest ends after
 * some hundreds of operations, and its clients begin the next: the work of the checker grows
 * steeply with the length of a contest.
 */

import type { Operation } from './history.ts';
import { canary } from './hostility.ts';
import type { Random } from './random.ts';

/**
 * How many secrets are in play, and after how many operations the next two replace the oldest two.
 */
const inPlay = 6;
const operationsBetween = 48;

export type Contest = {
  /** Draws the next operation of a client. */
  readonly next: (random: Random) => Operation;
  /**
   * Notes a version that a reply has shown. Later operations may name it in `If-Match`, or destroy
   * it.
   */
  readonly shown: (name: string, version: number) => void;
  /** Returns all secrets that have been in play. */
  readonly names: () => readonly string[];
  readonly isOver: () => boolean;
};

export const createContest = (word: string, operationsMax: number): Contest => {
  let operations = 0;
  /** The versions that replies have shown, by name. */
  const versions = new Map<string, Set<number>>();
  const latest = (name: string): number => Math.max(0, ...(versions.get(name) ?? []));
  const first = (): number => 2 * Math.floor(operations / operationsBetween);
  const nameAt = (index: number): string => `${word}_${index}`;
  const note = (random: Random): string => `${word}.${operations}.${random.below(1_000_000)}`;
  const value = (random: Random): string => `${canary}.${note(random)}`;
  const played = (): string[] => Array.from({ length: inPlay }, (_, at) => nameAt(first() + at));

  const write = (random: Random, kind: 'update' | 'delete'): Operation => {
    const name = random.pick(played());
    // Sometimes the condition names a version that does not exist yet, or that is no longer
    // current.
    const ifMatch = Math.max(1, latest(name) + (random.chance(0.15) ? random.pick([-1, 1]) : 0));
    const conditional = random.chance(0.5);
    // Notes are not secret, so they do not contain the canary.
    const written = kind === 'delete' ? note(random) : value(random);
    return { kind, name, value: written, ...(conditional && { ifMatch }) };
  };
  /** Sometimes the version does not exist yet. */
  const past = (random: Random): Operation => {
    const name = random.pick(played());
    return { kind: 'version', name, wanted: 1 + random.below(latest(name) + 1) };
  };
  /**
   * Sometimes the version is the current one or a deletion. If no version is known yet, reads the
   * secret instead.
   */
  const destroy = (random: Random): Operation => {
    const name = random.pick(played());
    const known = [...(versions.get(name) ?? [])];
    if (known.length === 0) return { kind: 'get', name };
    return { kind: 'destroy', name, wanted: random.pick(known) };
  };
  const list = (random: Random): Operation => ({
    kind: 'list',
    reads: played(),
    state: random.pick(['stored', 'deleted']),
  });
  const file = (random: Random, stored: number, read: number): Operation => {
    const names = played();
    // A file creates the secrets that came into play last, because those probably do not exist yet.
    const creates = random.shuffle(names.slice(-3)).slice(0, stored);
    const rest = names.filter((name) => !creates.includes(name));
    return {
      kind: 'env',
      creates: creates.map((name, index) => ({ name, value: `${value(random)}.${index}` })),
      reads: random.shuffle(rest.slice(0, 4)).slice(0, read),
    };
  };
  const kinds: readonly (readonly [number, (random: Random) => Operation])[] = [
    [12, (random) => ({ kind: 'create', name: random.pick(played()), value: value(random) })],
    [24, (random) => write(random, 'update')],
    [8, (random) => write(random, 'delete')],
    [17, (random) => ({ kind: 'get', name: random.pick(played()) })],
    [4, past],
    [4, destroy],
    [3, list],
    [6, (random) => ({ kind: 'versions', name: random.pick(played()) })],
    [7, (random) => file(random, 2 + random.below(2), 0)],
    [6, (random) => file(random, 1 + random.below(2), 1 + random.below(2))],
    [9, (random) => file(random, 0, 2 + random.below(3))],
  ];
  return {
    next: (random) => {
      operations += 1;
      let lot = random.below(100);
      for (const [share, ask] of kinds) {
        if (lot < share) return ask(random);
        lot -= share;
      }
      throw new Error('the shares of all kinds are 100 together');
    },
    shown: (name, version) => {
      versions.set(name, (versions.get(name) ?? new Set()).add(version));
    },
    names: () => Array.from({ length: first() + inPlay }, (_, at) => nameAt(at)),
    isOver: () => operations >= operationsMax,
  };
};
