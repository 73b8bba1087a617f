/** Preconditions, versions, instants and cursors that a caller puts into headers and queries. */

import { type Fingerprint, fingerprint } from '../crypto/fingerprint.ts';
import { limits, times } from '../model/limits.ts';
import { type Principal, parseAskedInstant } from '../model/types.ts';
import { type Event, headerValue, headerValues, invalid } from './requests.ts';

const entityTags =
  /^\s*(?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*"\s*(?:,\s*(?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*"\s*)*$/;
const versionNumber = /^[1-9][0-9]{0,8}$/;
const idempotencyKey = /^[\x21-\x7e]+$/;

/** The `If-Match` header: `*`, or the versions it names. A weak tag, or a tag that is no version, matches nothing. */
export const ifMatchOf = (event: Event): '*' | readonly number[] | undefined => {
  const values = headerValues(event, 'if-match');
  if (values.length === 0) return undefined;
  const text = values.join(',');
  if (text.trim() === '*') return '*';
  if (!entityTags.test(text)) throw invalid('if-match', 'is no list of entity-tags');
  return [...text.matchAll(/(W\/)?"([^"]*)"/g)].flatMap(([, weak, tag = '']) =>
    weak === undefined && versionNumber.test(tag) ? [Number(tag)] : [],
  );
};

/** Throws `invalid_request` for `If-None-Match`: an update never creates, so the header has nothing to guard. */
export const refuseIfNoneMatch = (event: Event): void => {
  if (headerValues(event, 'if-none-match').length > 0) {
    throw invalid('if-none-match', 'has no meaning here; POST creates');
  }
};

/** The fingerprint of a request with an `Idempotency-Key`. `content` is everything that a repetition must share. */
export const fingerprintOf = (
  event: Event,
  principal: Principal,
  content: readonly (string | Uint8Array | undefined)[],
): Fingerprint | undefined => {
  const key = idempotencyKeyOf(event);
  return key === undefined ? undefined : fingerprint(key, principal, content);
};

const idempotencyKeyOf = (event: Event): string | undefined => {
  const key = headerValue(event, 'idempotency-key');
  if (key === undefined) return undefined;
  const { idempotencyKeyCharactersMin: min, idempotencyKeyCharactersMax: max } = limits;
  if (key.length < min || key.length > max || !idempotencyKey.test(key)) {
    throw invalid('idempotency-key', `must be ${min} to ${max} visible ASCII characters`);
  }
  return key;
};

export const versionOf = (text: string): number => {
  if (!versionNumber.test(text)) throw invalid('version', 'is no version number');
  return Number(text);
};

/** The instant whose state is to be read. Throws `invalid_request` for an instant far ahead of `now`. */
export const instantOf = (text: string, now: number): number => {
  const instant = parseAskedInstant(text);
  if (instant === undefined) throw invalid('at', 'must be RFC 3339 with Z, to the millisecond');
  if (instant > now + times.atAheadMs) throw invalid('at', 'lies in the future');
  return instant;
};

/** The size of a page; `fallback` if the caller gives none. */
export const limitOf = (text: string | undefined, max: number, fallback: number): number => {
  if (text === undefined) return fallback;
  if (!/^[1-9][0-9]{0,3}$/.test(text) || Number(text) > max) {
    throw invalid('limit', `must be 1 to ${max}`);
  }
  return Number(text);
};

/** A position in a list: the last name or version of a page. A cursor grants nothing, so callers may forge one. */
export const encodeCursor = (position: string | number): string =>
  Buffer.from(String(position), 'utf8').toString('base64url');

/** The position in a cursor. Throws `invalid_request` if the text is no cursor, or the position does not pass `check`. */
export const decodeCursor = (text: string, check: (position: string) => boolean): string => {
  const position = Buffer.from(text, 'base64url').toString('utf8');
  if (text === '' || encodeCursor(position) !== text || !check(position)) {
    throw invalid('cursor', 'is no position of this list');
  }
  return position;
};

export const isVersionNumber = (text: string): boolean => versionNumber.test(text);
