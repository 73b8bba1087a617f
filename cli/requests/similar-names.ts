/**
 * Suggests names of secrets for a name that the vault does not show. They come from the list that
 * this token gets, so a suggestion reveals nothing that `dsvault list` would not print.
 */
import { type Failure, inOtherWords, isFailure } from '../../system/failures.ts';
import { wantsJson } from '../output/output.ts';

/** How many names a sentence suggests at most. */
const suggestedMax = 3;

/**
 * Returns the error with suggestions in its sentence, if there are any. Lists names only for a
 * failure that has `findNames`, and never for `--json`, whose document has no place for them. The
 * exit code stays the same, whatever the list answers.
 */
export const withSuggestions = async (error: unknown): Promise<unknown> => {
  if (!isFailure(error) || error.missing === undefined || wantsJson()) return error;
  const { name, findNames } = error.missing;
  const names = await findNames().catch(() => []);
  const { errors, ...report } = error.report;
  if (errors !== undefined) {
    const told = errors.map((one) =>
      one.code === 'not_found' && one.name !== undefined
        ? { ...one, meant: suggestionFor(one.name, names) }
        : one,
    );
    return Object.assign(error, { report: { ...report, errors: told } });
  }
  const meant = name === undefined ? undefined : suggestionFor(name, names);
  return meant === undefined ? error : withQuestion(error, meant);
};

/** The question takes the place of the advice, which follows a colon. */
const withQuestion = (error: Failure, meant: string): Failure =>
  inOtherWords(error, `${error.message.split(': ')[0]}: ${meant}`);

/**
 * Returns a question with the names that are most similar to this one; `undefined` if none is
 * similar, or if the list has the name itself.
 */
export const suggestionFor = (name: string, names: readonly string[]): string | undefined => {
  // A name of one or two characters is similar only to itself in upper or lower case.
  const most = Math.min(3, Math.floor(name.length / 3));
  const typed = name.toLowerCase();
  const near = names
    .filter((one) => Math.abs(one.length - name.length) <= most)
    .map((one) => ({ one, distance: distanceOf(typed, one.toLowerCase()) }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance);
  const best = near.filter(({ distance }) => distance === near[0]?.distance).map(({ one }) => one);
  if (best.length === 0 || best.includes(name)) return undefined;
  const shown = best.slice(0, suggestedMax).join(', ');
  return best.length === 1 ? `did you mean ${shown}?` : `did you mean one of ${shown}?`;
};

/**
 * How many characters must be inserted, removed, replaced or exchanged with their neighbour to turn
 * one text into the other (the optimal string alignment distance).
 */
const distanceOf = (from: string, to: string): number => {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = (last[j - 1] ?? 0) + Number(from[i - 1] !== to[j - 1]);
      const isSwapped = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swapped = isSwapped ? (beforeLast[j - 2] ?? 0) + 1 : replaced;
      row.push(Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, replaced, swapped));
    }
    [beforeLast, last] = [last, row];
  }
  return last[to.length] ?? 0;
};
