/** Expands a file. */
import type { BodyOf, ReplyOf } from '../../client/types.ts';
import { failure } from '../../system/failures.ts';
import type { Session } from '../requests/vault-client.ts';

type Asked = BodyOf<'expand-env'>;
export type Expanded = Extract<ReplyOf<'expand-env'>, { readonly content: string }>;

/** A dialect as the user wrote it. The vault refuses an unknown one, with the names of all that it knows. */
export const askedDialect = (text: string | undefined): Asked['dialect'] =>
  text as Asked['dialect'];

/** The answer; `undefined` if it would be the one with the tag `unless`. */
export const expandUnless = async (
  { client }: Session,
  body: Asked,
  signal?: AbortSignal,
): Promise<Expanded | undefined> => {
  const reply = await client('expand-env', { body, signal });
  return 'content' in reply ? reply : undefined;
};

export const expandFile = async (
  session: Session,
  body: Omit<Asked, 'unless'>,
  signal?: AbortSignal,
): Promise<Expanded> => {
  const expanded = await expandUnless(session, body, signal);
  if (expanded !== undefined) return expanded;
  throw failure(`${session.settings.addr} does not answer as a vault does`);
};
