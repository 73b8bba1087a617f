/** Expands a file. `dsvault` sends no `unless`, so each answer has the content. */
import type { Session } from './command.ts';
import type { BodyOf, ReplyOf } from './contract.ts';
import { failure } from './failures.ts';

type Expanded = Extract<ReplyOf<'expand-env'>, { readonly content: string }>;

export const expandFile = async (
  { client, settings }: Session,
  body: BodyOf<'expand-env'>,
): Promise<Expanded> => {
  const reply = await client('expand-env', { body });
  if ('content' in reply) return reply;
  throw failure('other', `${settings.addr} does not answer as a vault does`);
};
