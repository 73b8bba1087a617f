/**
 * Where a read is allowed or refused, and what the log says about a refusal. Four questions are
 * asked, in this order:
 *
 * 1. Is the token valid? `http/principal.ts` verifies it, and `access/rules.ts` decides which
 *    tenant, names and scopes it grants. If not: 401.
 * 2. Does it grant the scope? `http/endpoint.ts` calls `requireScopes` before it parses the rest.
 *    If not: 403.
 * 3. Does it cover the name? `visiblePartition` in store/items.ts looks up a hidden name where
 *    nothing is ever written, so `requireHead` answers 404 as for a name that never existed. Only
 *    the log says `hidden` (`absenceOf`).
 * 4. Does the version have a value? `requireValue` in versions.ts. If not: 404, or 410 if the
 *    value was destroyed.
 *
 * The reply says only what the caller may know, such as the scope that the token lacks. The error
 * carries the full reason in `forLog` (model/errors.ts), and `runtime/request-journal.ts` writes it
 * as `why` to the log line of the request.
 */
import { ApiError } from '../model/errors.ts';
import { type Head, isNameVisible, type Principal, type Scope } from '../model/types.ts';

/** Throws `forbidden` with the first of the needed scopes that the caller lacks. */
export const requireScopes = ({ scopes }: Principal, needed: readonly Scope[]): void => {
  const missing = needed.find((scope) => !scopes.includes(scope));
  if (missing === undefined) return;
  const sentence = `the token lacks the scope ${missing}: the vault's operator grants it in the access policy or the token`;
  throw new ApiError('forbidden', sentence, {
    properties: { scope: missing },
    forLog: { why: missing },
  });
};

/** Why a version was not found, for the log. A name of another tenant counts as `never_existed`. */
export type Absence = 'never_existed' | 'deleted' | 'beyond_current' | 'before_first' | 'hidden';

/**
 * Why a secret has no head. Whether a name is hidden depends on the token alone, so `hidden` does
 * not reveal whether the secret exists.
 */
export const absenceOf = ({ names }: Principal, name: string): Absence =>
  isNameVisible(names, name) ? 'never_existed' : 'hidden';

/**
 * The answer is the same for a name that never existed, a name of another tenant, and a hidden
 * name.
 */
export const notFound = (absence: Absence): ApiError =>
  new ApiError('not_found', 'no such secret', { forLog: { why: absence } });

/** Returns the head that a look-up found. Throws `not_found` if there is none. */
export const requireHead = (principal: Principal, name: string, head: Head | undefined): Head => {
  if (head) return head;
  throw notFound(absenceOf(principal, name));
};

/**
 * Throws `not_found` for a hidden name. Needed where the answer does not come from reading a head.
 */
export const requireVisible = ({ names }: Principal, name: string): void => {
  if (!isNameVisible(names, name)) throw notFound('hidden');
};

/**
 * Throws `forbidden` for a new name that the token does not cover. Nothing is looked up, so this
 * does not reveal whether the secret exists.
 */
export const requireCreatable = ({ names }: Principal, name: string): void => {
  if (isNameVisible(names, name)) return;
  const sentence =
    "the token does not allow this name: the vault's operator grants names in the access policy or the token";
  throw new ApiError('forbidden', sentence, {
    forLog: { why: 'name_not_allowed' },
  });
};
