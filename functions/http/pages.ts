/** Pages of lists: their sizes, and the cursors that continue them. */
import { invalid } from './requests.ts';

type Query = ReadonlyMap<string, string>;

/** The size of a page, or `fallback`. Throws `invalid_request` unless the caller's size is 1 to `max`. */
export const limitOf = (query: Query, max: number, fallback: number): number => {
  const text = query.get('limit') ?? String(fallback);
  if (!/^[1-9][0-9]*$/.test(text) || Number(text) > max) {
    throw invalid('limit', `must be 1 to ${max}`);
  }
  return Number(text);
};

/**
 * The last name or version of the page before. Throws `invalid_request` if the cursor is no cursor, or its
 * position does not pass `check`. A cursor grants nothing, so callers may forge one.
 */
export const afterOf = (query: Query, check: (position: string) => boolean): string | undefined => {
  const text = query.get('cursor');
  if (text === undefined) return undefined;
  const position = Buffer.from(text, 'base64url').toString('utf8');
  if (text === '' || nextCursorOf(position) !== text || !check(position)) {
    throw invalid('cursor', 'is no position of this list');
  }
  return position;
};

/** The cursor that continues after a position; `null` after the last page. */
export const nextCursorOf = (next: string | number | undefined): string | null =>
  next === undefined ? null : Buffer.from(String(next), 'utf8').toString('base64url');
