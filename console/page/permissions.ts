/** Finds what the token of the console lacks for an action, before the vault refuses it. */
import type { ReplyOf } from '../../client/types.ts';
import { coveringPattern, withIncluded } from '../../functions/model/types.ts';

export type Caller = Pick<ReplyOf<'whoami'>, 'scopes' | 'names'>;

/** The reason why the caller may not do it; `undefined` if the caller may, as far as the page knows. */
export const lacks = (caller: Caller | undefined, scope: string): string | undefined =>
  // A vault of the last release does not say what `secrets:read` includes.
  caller === undefined || withIncluded(caller.scopes).includes(scope)
    ? undefined
    : `Your token lacks ${scope}.`;

/** Whether the caller's token covers a secret of this name. */
export const covers = (caller: Caller | undefined, name: string): boolean =>
  caller === undefined || coveringPattern(caller.names, name) !== undefined;
