/**
 * Lists names by reading only those ranges of the index that the token's patterns allow, so hidden
 * names are never read. The index may lag behind the table, and nothing is decided by it.
 */
import { ApiError } from '../model/errors.ts';
import { isSecretName, type Principal } from '../model/types.ts';
import type { NameRange, Store } from '../vault/ports.ts';
import type { Items, NamesRange } from './ports.ts';

/** All names that begin with `text` or, with `exact`, only the name `text` itself. */
type KeyRange = Omit<NamesRange, 'after'>;

/**
 * Lists at most `limit` names that the principal's patterns allow, in ascending order. `readPage`
 * reads one page of one range of the index. Throws `integrity_failure` if the index returns a name
 * outside the range.
 */
export const listNames = async (
  { tenant, names: patterns }: Pick<Principal, 'tenant' | 'names'>,
  { state, prefix, after, limit }: NameRange,
  readPage: Items['names'],
): ReturnType<Store['listNames']> => {
  const names: string[] = [];
  const ranges = rangesOf(patterns ?? ['*'], prefix).filter((range) => reachesBeyond(range, after));
  for (const [index, range] of ranges.entries()) {
    let from = after?.startsWith(range.text) ? after : undefined;
    do {
      const asked = { ...range, after: from };
      const page = await readPage({ tenant, state }, asked, limit - names.length);
      for (const name of page.names) requireIn(range, name);
      names.push(...page.names);
      from = page.more ? page.names.at(-1) : undefined;
    } while (from !== undefined && names.length < limit);
    if (names.length >= limit) {
      return { names, more: from !== undefined || index < ranges.length - 1 };
    }
  }
  return { names, more: false };
};

const requireIn = ({ text, exact }: KeyRange, name: string): void => {
  const isIn = exact ? name === text : name.startsWith(text);
  if (isIn && isSecretName(name)) return;
  throw new ApiError('integrity_failure', 'the index returned an entry outside the query');
};

/**
 * The ranges of the names that begin with `prefix` and that at least one of the patterns allows.
 * They are disjoint and in ascending order.
 */
export const rangesOf = (patterns: readonly string[], prefix: NameRange['prefix']): KeyRange[] => {
  const asked = patterns.flatMap((pattern): KeyRange[] => {
    const exact = !pattern.endsWith('*');
    const text = exact ? pattern : pattern.slice(0, -1);
    if (text.startsWith(prefix)) return [{ text, exact }];
    return !exact && prefix.startsWith(text) ? [{ text: prefix, exact: false }] : [];
  });
  asked.sort((a, b) =>
    a.text === b.text ? Number(a.exact) - Number(b.exact) : a.text < b.text ? -1 : 1,
  );
  const disjoint: KeyRange[] = [];
  for (const range of asked) {
    const last = disjoint.at(-1);
    const covered =
      last && (last.exact ? last.text === range.text : range.text.startsWith(last.text));
    if (!covered) disjoint.push(range);
  }
  return disjoint;
};

const reachesBeyond = ({ text, exact }: KeyRange, after: string | undefined): boolean =>
  after === undefined || text > after || (!exact && after.startsWith(text));
