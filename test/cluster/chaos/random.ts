/**
 * The random numbers of a run. The seed and the name of a stream determine them, so the plan of a
 * run can be repeated.
 */
import { createHash } from 'node:crypto';
import { seeded } from '../../support/adversary/random.ts';

export type Random = {
  /** Returns a whole number from 0 to `limit` - 1. */
  readonly below: (limit: number) => number;
  readonly chance: (share: number) => boolean;
  /** Throws if the list is empty. */
  readonly pick: <T>(list: readonly T[]) => T;
  readonly shuffle: <T>(list: readonly T[]) => T[];
};

export const createRandom = (seed: number, stream: string): Random => {
  const next = seeded(createHash('sha256').update(`${seed} ${stream}`).digest().readUInt32LE(0));
  const below = (limit: number): number => Math.floor(next() * limit);
  const pick = <T>(list: readonly T[]): T => {
    if (list.length === 0) throw new Error('there is nothing to pick from');
    return list[below(list.length)] as T;
  };
  const shuffle = <T>(list: readonly T[]): T[] => {
    const rest = [...list];
    return list.map(() => rest.splice(below(rest.length), 1)[0] as T);
  };
  return { below, chance: (share) => next() < share, pick, shuffle };
};
