/** Pages of lists: their size, and the cursors that continue them. */
import { invalid } from './requests.ts';

type Query = ReadonlyMap<string, string>;

/**
 * Returns how many entries a page has: the query parameter `limit`, or `fallback` if the caller
 * sent none. Throws `invalid_request` unless it is 1 to `max`.
 */
export const limitOf = (query: Query, max: number, fallback: number): number => {
  const text = query.get('limit') ?? String(fallback);
  if (!/^[1-9][0-9]*$/.test(text) || Number(text) > max) {
    throw invalid('limit', `limit must be 1 to ${max}`);
  }
  return Number(text);
};

/**
 * Decodes the cursor of a request: the name or version at which the previous page ended. Throws
 * `invalid_request` if the cursor is malformed or fails `check`. A cursor grants nothing, so it
 * does no harm if a caller forges one.
 */
export const afterOf = (query: Query, check: (position: string) => boolean): string | undefined => {
  const text = query.get('cursor');
  if (text === undefined) return undefined;
  const position = Buffer.from(text, 'base64url').toString('utf8');
  if (text === '' || nextCursorOf(position) !== text || !check(position)) {
    throw invalid('cursor', 'the cursor does not belong to this list; start again without one');
  }
  return position;
};

/** The cursor that continues after a position; `null` after the last page. */
export const nextCursorOf = (next: string | number | undefined): string | null =>
  next === undefined ? null : Buffer.from(String(next), 'utf8').toString('base64url');
