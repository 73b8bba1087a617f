/** Checks what linearizability does not say about the history of a simulated vault: intervals, instants, refusals. */
import type { Entry, FinalState, Seen, Stored } from './history.ts';

/** Returns one sentence for each reply about versions, intervals or instants that the final state contradicts. */
export const findContradictions = (
  history: readonly Entry[],
  final: FinalState,
): readonly string[] => [
  ...[...final].flatMap(([name, versions]) => checkVersions(name, versions)),
  ...history.flatMap((entry) => checkTold(entry, final)),
];

/** Intervals adjoin, and none is empty. */
const checkVersions = (name: string, versions: readonly Stored[]): readonly string[] =>
  versions.flatMap(({ version, validFrom, validTo }, index) => [
    ...(validTo === versions[index + 1]?.validFrom ? [] : [`${name}: ${version} does not tile`]),
    ...(validTo === undefined || validTo > validFrom ? [] : [`${name}: ${version} is empty`]),
  ]);

/** The refusals that a simulated vault may give. */
const refusals = new Set([
  'secret_exists',
  'not_found',
  'version_conflict',
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

/** An interval that a reply showed as ended has that end; one that was open may have ended since. */
const isTrue = (seen: Seen, stored: Stored | undefined, at: number | undefined): boolean =>
  stored !== undefined &&
  (seen.value === undefined || seen.value === stored.value) &&
  (typeof seen.validTo !== 'number' || seen.validTo === stored.validTo) &&
  (at === undefined || stored.validFrom <= at) &&
  (at === undefined || typeof seen.validTo !== 'number' || at < seen.validTo);
