/**
 * Who is equal to this node, and who is wrong where two are not. The rule: where nodes differ, those are right who are
 * a majority of all nodes, by what was compared at that revision or later, and in the same respect.
 *
 * - With a majority equal to it a node goes on. That was so once and for all: whoever dies later takes nothing away.
 * - From whom a majority differs is wrong. It concedes, serves nothing until it is wiped, and no longer counts.
 * - Who is neither cannot tell whether it is wrong, and must not go on either. It waits, over its own starts too, until
 *   a third decides, or until those that differ concede or are wiped. Who would be left without a majority by those that
 *   have conceded waits, too: then all differ from each other.
 */
import type { Difference } from './memory.ts';
import type { NodeReport } from './report.ts';

type Respect = Difference['of'];
const respects: readonly Respect[] = ['outcomes', 'items'];

/** What one comparison of two nodes said. */
export type Comparison = {
  readonly of: Respect;
  readonly revision: number;
  readonly isEqual: boolean;
};

/** Compares two reports in what both can be judged by; `findDigest` tells the own digest at a revision. */
export const compareReports = (
  findDigest: (revision: number) => string | undefined,
  own: NodeReport,
  other: NodeReport,
): readonly Comparison[] => {
  const { appliedRevision: revision, digest, content: theirs } = other;
  const { content: mine } = own;
  const there = findDigest(revision);
  const comparisons: Comparison[] = [];
  if (there !== undefined)
    comparisons.push({ of: 'outcomes', revision, isEqual: there === digest });
  if (mine !== null && mine.revision === theirs?.revision) {
    const isEqual = mine.digest === theirs.digest;
    comparisons.push({ of: 'items', revision: mine.revision, isEqual });
  }
  return comparisons;
};

/** How this node stands to the others. */
export type Judgement =
  | { readonly is: 'equal' }
  | { readonly is: 'wrong'; readonly reason: string }
  | {
      readonly is: 'undecided';
      readonly reason: string;
      readonly by: readonly Difference[];
      /** Whether a node that is there has yet to tell whom it equals. */
      readonly isPending: boolean;
    };

export type Verdicts = {
  /** To be called with all that is heard of another node. */
  readonly note: (said: NodeReport, comparisons: readonly Comparison[]) => void;
  /** `hasConceded` and `isThere` tell of another node. */
  readonly judge: (
    hasConceded: (node: number) => boolean,
    isThere: (node: number) => boolean,
  ) => Judgement;
  /** Whether no two nodes were seen to differ. */
  readonly areEqual: () => boolean;
};

/** What a node was to this one when they could last be compared; of those that differ, when they first did. */
type Verdict = { readonly revision: number; readonly isEqual: boolean };
type Known = { readonly start: number; readonly by: ReadonlyMap<Respect, Verdict> };

const update = (before: Verdict | undefined, { revision, isEqual }: Comparison): Verdict => {
  if (before === undefined) return { revision, isEqual };
  if (revision < before.revision || (!before.isEqual && !isEqual)) return before;
  return { revision, isEqual };
};

/** Of a node with these `peers`, which has kept by what it differed before it started. */
export const createVerdicts = (
  peers: readonly number[],
  kept: readonly Difference[] = [],
): Verdicts => {
  const verdicts = new Map<number, Known>();
  const verdictOf = (node: number, of: Respect) => verdicts.get(node)?.by.get(of);
  const set = (node: number, start: number, comparison: Comparison): void => {
    const by = new Map(verdicts.get(node)?.by);
    by.set(comparison.of, update(by.get(comparison.of), comparison));
    verdicts.set(node, { start, by });
  };
  for (const { node, start, of, revision } of kept) {
    set(node, start, { of, revision, isEqual: false });
  }

  const differencesOf = (node: number): readonly Difference[] =>
    respects.flatMap((of) => {
      const { start = 0 } = verdicts.get(node) ?? {};
      const verdict = verdictOf(node, of);
      return verdict?.isEqual === false ? [{ node, start, of, revision: verdict.revision }] : [];
    });
  const isMajority = (count: number): boolean => count > (peers.length + 1) / 2;

  return {
    note: ({ node, start, state }, comparisons) => {
      // One that was wiped begins anew; one that was only started again says itself that it differs.
      const isAnew = verdicts.get(node)?.start !== start && state !== 'diverged';
      verdicts.set(node, { start, by: (!isAnew && verdicts.get(node)?.by) || new Map() });
      for (const comparison of comparisons) set(node, start, comparison);
    },
    judge: (hasConceded, isThere) => {
      const voters = peers.filter((node) => !hasConceded(node));
      const by = voters.flatMap(differencesOf);
      const different = voters.filter((node) => by.some((difference) => difference.node === node));
      const others = voters.filter((node) => !different.includes(node));
      // Who was equal before the others differed, and is dead since, would be on both sides.
      const same = others.filter((node) =>
        by.every(({ of, revision }) => {
          const verdict = verdictOf(node, of);
          return verdict?.isEqual === true && verdict.revision >= revision;
        }),
      );
      if (!isMajority(voters.length + 1)) {
        return { is: 'undecided', reason: 'the others differ too', by, isPending: false };
      }
      if (different.length === 0 || isMajority(same.length + 1)) return { is: 'equal' };
      const revision = Math.min(...by.map((difference) => difference.revision));
      const reason = `at revision ${revision} this node differs from node ${different.join(' and ')}`;
      if (isMajority(different.length)) return { is: 'wrong', reason };
      const isPending = others.some((node) => !same.includes(node) && isThere(node));
      return { is: 'undecided', reason, by, isPending };
    },
    areEqual: () => peers.every((node) => differencesOf(node).length === 0),
  };
};
