/** Expands a file. Without `unless`, each answer has the content. */
import type { BodyOf, ReplyOf } from '../client/types.ts';
import type { Session } from './command.ts';
import { failure } from './failures.ts';

type Expanded = Extract<ReplyOf<'expand-env'>, { readonly content: string }>;

/** A dialect as the user wrote it. The vault refuses an unknown one, with the names of all that it knows. */
export const askedDialect = (text: string | undefined): BodyOf<'expand-env'>['dialect'] =>
  text as BodyOf<'expand-env'>['dialect'];

export const expandFile = async (
  { client, settings }: Session,
  body: BodyOf<'expand-env'>,
): Promise<Expanded> => {
  const reply = await client('expand-env', { body });
  if ('content' in reply) return reply;
  throw failure('other', `${settings.addr} does not answer as a vault does`);
};
