/**
 * Checks in the history of a simulated vault what linearizability does not cover: intervals and
 * instants.
 */
import type { Entry, FinalState, Seen, Stored } from './history.ts';

/**
 * Returns one sentence for each reply about versions, intervals or instants that contradicts the
 * final state.
 */
export const findContradictions = (
  history: readonly Entry[],
  final: FinalState,
): readonly string[] => [
  ...[...final].flatMap(([name, versions]) => checkVersions(name, versions)),
  ...history.flatMap((entry) => checkTold(entry, final)),
];

/**
 * Checks that version numbers have no gaps and are never reused, that each interval begins where
 * the one before it ends and none is empty, that a deletion follows a value, and that the current
 * version is not destroyed.
 */
const checkVersions = (name: string, versions: readonly Stored[]): readonly string[] =>
  versions.flatMap(({ version, state, validFrom, validTo }, index) => {
    const before = versions[index - 1];
    const follows = before !== undefined && before.state !== 'deleted';
    const rules: readonly (readonly [holds: boolean, problem: string])[] = [
      [version === index + 1, 'has a wrong number'],
      [validTo === versions[index + 1]?.validFrom, 'does not tile'],
      [validTo === undefined || validTo > validFrom, 'is empty'],
      [state !== 'deleted' || follows, 'deletes nothing'],
      [state !== 'destroyed' || validTo !== undefined, 'is current and destroyed'],
    ];
    return rules.flatMap(([holds, problem]) => (holds ? [] : [`${name}: ${version} ${problem}`]));
  });

/**
 * Checks that the final state contains what a reply has shown, no matter which request showed it.
 */
const checkTold = ({ asked, told }: Entry, final: FinalState): readonly string[] =>
  told.outcome === 'done'
    ? told.seen.flatMap((seen) =>
        isTrue(seen, final.get(seen.name)?.[seen.version - 1], told.at)
          ? []
          : [`${asked.kind}: ${seen.name} ${seen.version} was never so: ${JSON.stringify(told)}`],
      )
    : [];

/**
 * Whether a reply has shown the version as it is stored at the end, or with a value that has been
 * destroyed since. `seen.value` is empty if the reply showed none.
 */
const isShownAs = (seen: Seen, stored: Stored): boolean =>
  seen.state === stored.state
    ? seen.value === '' || seen.value === stored.value
    : seen.state === undefined && stored.state === 'destroyed';

/**
 * Whether what a reply has shown of a version agrees with the final state. If the reply showed that
 * the interval had ended, it must have that end. An interval that was open may have ended since.
 */
const isTrue = (seen: Seen, stored: Stored | undefined, at: number | undefined): boolean =>
  stored !== undefined &&
  isShownAs(seen, stored) &&
  (typeof seen.validTo !== 'number' || seen.validTo === stored.validTo) &&
  (at === undefined || stored.validFrom <= at) &&
  (at === undefined || typeof seen.validTo !== 'number' || at < seen.validTo);
