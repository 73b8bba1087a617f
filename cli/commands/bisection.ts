/** Finds the first bad state in a sequence, as `git bisect` does; `bisect.ts` is the command. */

export type Mark = 'good' | 'bad' | 'skip';

/** The last state that is known to be good, and the first that is known to be bad. */
export type Range = { readonly good: number; readonly bad: number };

/**
 * Calls `judge` for states near the middle, and so halves the range until no state between `good`
 * and `bad` is left except skipped ones. State 0 must be good, and state `last` bad.
 */
export const bisect = async (
  last: number,
  judge: (state: number, range: Range) => Promise<Mark>,
): Promise<Range> => {
  let range: Range = { good: 0, bad: last };
  const skipped = new Set<number>();
  for (;;) {
    const state = findMiddle(range, skipped);
    if (state === undefined) return range;
    const verdict = await judge(state, range);
    if (verdict === 'skip') skipped.add(state);
    else range = { ...range, [verdict]: state };
  }
};

/**
 * The state between `good` and `bad` that is nearest to the middle and was not skipped; `undefined`
 * if there is none.
 */
const findMiddle = ({ good, bad }: Range, skipped: ReadonlySet<number>): number | undefined => {
  const middle = (good + bad) >> 1;
  for (let distance = 0; distance < bad - good; distance += 1) {
    const near = [middle - distance, middle + distance].find(
      (state) => state > good && state < bad && !skipped.has(state),
    );
    if (near !== undefined) return near;
  }
  return undefined;
};

/** The approximate number of states that will be tested. */
export const runsLeft = ({ good, bad }: Range): number => Math.ceil(Math.log2(bad - good));
