import { useState } from 'preact/hooks';
import { limits } from '../../../../../functions/model/limits.ts';
import { type QueryState, useQuery } from '../../query-hooks.ts';
import { ask } from '../../session.ts';
import { type Interval, intervalsOf, type VersionEntry } from '../../timeline.ts';

type History = {
  /** The versions that were loaded, newest first. */
  readonly entries: readonly VersionEntry[];
  readonly current: VersionEntry;
  readonly isWhole: boolean;
  /**
   * The time from the first version until now, oldest first. The first interval may be a part that
   * is not loaded.
   */
  readonly intervals: readonly Interval[];
};

export type SecretProps = { readonly name: string; readonly history: History };

/** Reads the given number of pages of versions, newest first. */
const readHistory = async (
  name: string,
  pages: number,
  signal: AbortSignal,
  progress: (count: number) => void,
): Promise<History> => {
  const entries: VersionEntry[] = [];
  let cursor: string | null | undefined;
  for (let page = 0; page < pages && cursor !== null; page += 1) {
    const query = { limit: limits.versionsPageMax, cursor };
    const found = await ask('list-versions', { name, query }, signal);
    entries.push(...found.versions);
    cursor = found.nextCursor;
    progress(entries.length);
  }
  const [current] = entries;
  // A secret has at least one version, so its first page is never empty.
  if (current === undefined) throw new Error('the vault gave no version');
  const isWhole = cursor === null;
  const first = isWhole ? entries.at(-1) : await readFirst(name, signal);
  const begin = Date.parse((first ?? current).validFrom);
  return { entries, current, isWhole, intervals: intervalsOf(entries, begin, Date.now()) };
};

const readFirst = async (name: string, signal: AbortSignal): Promise<VersionEntry | undefined> => {
  const query = { order: 'asc', limit: 1 } as const;
  return (await ask('list-versions', { name, query }, signal)).versions[0];
};

/** Reads the list of all earlier versions that still hold a value, oldest first. */
export const readOldValues = async (
  name: string,
  signal: AbortSignal,
): Promise<readonly VersionEntry[]> => {
  const { entries } = await readHistory(name, Number.POSITIVE_INFINITY, signal, () => undefined);
  return entries
    .slice(1)
    .filter(({ state }) => state === 'stored')
    .reverse();
};

export type HistoryState = QueryState<History> & {
  readonly count: number;
  readonly readMore: () => void;
  readonly readAll: () => void;
  readonly cancel: () => void;
};

/** Loads the first page of a secret's history, and more on demand. */
export const useHistory = (name: string): HistoryState => {
  const [{ pages, before }, setPages] = useState({ pages: 1, before: 1 });
  const [count, setCount] = useState(0);
  const asking = useQuery((signal) => readHistory(name, pages, signal, setCount), [name, pages]);
  return {
    ...{ ...asking, count },
    readMore: () => setPages({ pages: pages + 1, before: pages }),
    readAll: () => setPages({ pages: Number.POSITIVE_INFINITY, before: pages }),
    cancel: () => setPages({ pages: before, before }),
  };
};
