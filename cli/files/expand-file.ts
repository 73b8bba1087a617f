/** Has the vault expand a `.env` file. */
import type { BodyOf, ReplyOf } from '../../client/types.ts';
import { failure } from '../../system/failures.ts';
import type { Session } from '../requests/vault-client.ts';

type ExpandBody = BodyOf<'expand-env'>;
export type ExpandedFile = Extract<ReplyOf<'expand-env'>, { readonly content: string }>;

/**
 * A dialect as the user typed it. The vault refuses an unknown one, and lists those that it knows.
 */
export const askedDialect = (text: string | undefined): ExpandBody['dialect'] =>
  text as ExpandBody['dialect'];

/**
 * Expands a file. Returns `undefined` if the answer would be the same as the earlier one with the
 * tag `unless`.
 */
export const expandUnless = async (
  { client }: Session,
  body: ExpandBody,
  signal?: AbortSignal,
): Promise<ExpandedFile | undefined> => {
  const reply = await client('expand-env', { body, signal });
  return 'content' in reply ? reply : undefined;
};

export const expandFile = async (
  session: Session,
  body: Omit<ExpandBody, 'unless'>,
  signal?: AbortSignal,
): Promise<ExpandedFile> => {
  const expanded = await expandUnless(session, body, signal);
  if (expanded !== undefined) return expanded;
  throw failure(`${session.settings.addr} does not answer as a vault does`);
};
