/**
 * The rolling digest: one hash that stands for every outcome so far. Two nodes that have applied the same entries with
 * the same outcomes have the same digest at each revision; one that differs is wrong, or the other is.
 */
import { createHash } from 'node:crypto';

/** Where a replica stands in the log. */
export type Position = {
  /** Of the last entry that was applied; 0: none. */
  readonly revision: number;
  /** How many entries the log held with it; they count up by one. */
  readonly version: number;
  readonly digest: string;
};

export const startPosition: Position = { revision: 0, version: 0, digest: '' };

/** The digest after an entry: of the one before, the revision, whose entry it is, and what became of it. */
export const nextDigest = (before: string, revision: number, id: string, code: string): string =>
  createHash('sha256')
    .update(JSON.stringify([before, revision, id, code]))
    .digest('hex');

/** Nodes that compare are seconds apart at most. */
const keptMax = 10_000;

export type DigestHistory = {
  readonly add: (position: Position) => void;
  /** `undefined`: the revision is no entry's, is not applied yet, or is long gone. */
  readonly find: (revision: number) => string | undefined;
};

/** The latest digests, to compare with a node that is a little behind. */
export const createDigestHistory = (): DigestHistory => {
  const kept = new Map<number, string>();
  return {
    add: ({ revision, digest }) => {
      kept.set(revision, digest);
      const [oldest] = kept.keys();
      if (kept.size > keptMax && oldest !== undefined) kept.delete(oldest);
    },
    find: (revision) => kept.get(revision),
  };
};
