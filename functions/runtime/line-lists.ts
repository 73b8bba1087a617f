/** The lists of versions and ids in the log lines of a request. */
import { limits } from '../model/limits.ts';
import type { Selection } from '../vault/request.ts';

type Lists = Readonly<Record<string, readonly string[]>>;

/**
 * Which versions in the lists of a line were selected by number or as past ones; all others were
 * current. Every line that lists versions as read, compared or copied also has a list `pinned`,
 * even if it is empty: a line without one was written by a release that did not log the selection.
 */
export const selectedIn = (
  { read = [], compared = [], copied = [] }: Partial<Lists>,
  selections: ReadonlyMap<string, Selection>,
): Partial<Lists> => {
  const entries = [...new Set([...read, ...compared, ...copied])];
  const selected = (by: Selection) => entries.filter((entry) => selections.get(entry) === by);
  const [pinned, past] = [selected('number'), selected('past')];
  return { ...(entries.length > 0 && { pinned }), ...(past.length > 0 && { past }) };
};

/**
 * Splits the lists into portions of one line each: the first for the line `request`, all others for
 * lines `continued`. Only requests whose attempts lost races or failed need more than one portion.
 * Empty lists are left out.
 */
export const portionsOf = (lists: Readonly<Record<string, Iterable<string>>>): Partial<Lists>[] => {
  const whole = Object.entries(lists).map(([field, entries]) => [field, [...entries]] as const);
  const count = Math.ceil(
    Math.max(...whole.map(([, { length }]) => length)) / limits.lineEntriesMax,
  );
  return Array.from({ length: count }, (_, index) => {
    const from = index * limits.lineEntriesMax;
    const parts = whole.map(
      ([field, entries]) => [field, entries.slice(from, from + limits.lineEntriesMax)] as const,
    );
    return Object.fromEntries(parts.filter(([, entries]) => entries.length > 0));
  });
};
