/**
 * Finds out what the console's token lacks for an action, so that the page can say so before the
 * vault refuses.
 */
import type { ReplyOf } from '../../../client/types.ts';
import { coveringPattern, withIncluded } from '../../../functions/model/types.ts';

export type Caller = Pick<ReplyOf<'whoami'>, 'scopes' | 'names'>;

/**
 * Returns the sentence that the caller's token lacks the scope; `undefined` if it has the scope, or
 * if the page does not know the caller yet.
 */
export const lacks = (caller: Caller | undefined, scope: string): string | undefined =>
  // A vault of the previous release does not list the scopes that `secrets:read` includes, so they
  // are added here.
  caller === undefined || withIncluded(caller.scopes).includes(scope)
    ? undefined
    : `Your token lacks ${scope}.`;

/**
 * Whether the caller's token covers a secret with this name; true if the page does not know the
 * caller yet.
 */
export const covers = (caller: Caller | undefined, name: string): boolean =>
  caller === undefined || coveringPattern(caller.names, name) !== undefined;
