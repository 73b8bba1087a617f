import type { Principal } from '../model/types.ts';
import type { NameRange, Ports, RequestContext } from './ports.ts';

export type NamesPage = {
  readonly names: readonly string[];
  /** The name to go on after; `undefined`: this page ends the list. */
  readonly next: string | undefined;
};

/** The names in the caller's sight, ascending. May lag behind a create: it decides nothing. */
export const listSecrets =
  ({ store }: Pick<Ports, 'store'>) =>
  async (context: RequestContext, principal: Principal, range: NameRange): Promise<NamesPage> => {
    const { names, more } = await store.listNames(context, principal, range);
    return { names, next: more ? names.at(-1) : undefined };
  };
