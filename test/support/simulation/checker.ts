/** Checks what linearizability does not say about the history of a simulated vault: intervals, instants, refusals. */
import type { Entry, FinalState, Observation, Stored } from './history.ts';

/** Returns one sentence for each reply about versions, intervals or instants that the final state contradicts. */
export const findContradictions = (
  history: readonly Entry[],
  final: FinalState,
): readonly string[] => [
  ...[...final].flatMap(([name, versions]) => checkVersions(name, versions)),
  ...history.flatMap((entry) => checkTold(entry, final)),
];

/**
 * Numbers have no gap and never return. Intervals adjoin, and none is empty. A deletion follows a value, and the current
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

/** The refusals that a simulated vault may give. */
const refusals = new Set([
  'secret_exists',
  'not_found',
  'version_conflict',
  'version_current',
  'version_destroyed',
  'not_destroyable',
  'throttled',
  'store_unavailable',
  'master_key_unavailable',
  'outcome_unknown',
]);

/** The content of a reply must be in the final state, whichever request asked for it. */
const checkTold = ({ operation, told }: Entry, final: FinalState): readonly string[] => {
  if (told.kind === 'died') return [];
  if (told.kind === 'refused') {
    return refusals.has(told.code) ? [] : [`${operation}: no reason to be told ${told.code}`];
  }
  return told.seen.flatMap((seen) =>
    isTrue(seen, final.get(seen.name)?.[seen.version - 1], told.at)
      ? []
      : [`${operation}: ${seen.name} ${seen.version} was never so: ${JSON.stringify(told)}`],
  );
};

/** A value that a reply showed may have been destroyed since. */
const isShownAs = (seen: Observation, stored: Stored): boolean =>
  seen.state === stored.state
    ? seen.value === undefined || seen.value === stored.value
    : seen.state === undefined && stored.state === 'destroyed';

/** An interval that a reply showed as ended has that end; one that was open may have ended since. */
const isTrue = (seen: Observation, stored: Stored | undefined, at: number | undefined): boolean =>
  stored !== undefined &&
  isShownAs(seen, stored) &&
  (typeof seen.validTo !== 'number' || seen.validTo === stored.validTo) &&
  (at === undefined || stored.validFrom <= at) &&
  (at === undefined || typeof seen.validTo !== 'number' || at < seen.validTo);
