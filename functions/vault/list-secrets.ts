import type { Principal } from '../model/types.ts';
import type { NameRange } from './ports.ts';
import type { Ports, RequestContext } from './request.ts';

export type NamesPage = {
  readonly names: readonly string[];
  /** The name after which the next page begins; `undefined` on the last page. */
  readonly next: string | undefined;
};

/** The names that are visible to the caller, ascending. The list may lag behind a create, and decides nothing. */
export const listSecrets =
  ({ store }: Pick<Ports, 'store'>) =>
  async (context: RequestContext, principal: Principal, range: NameRange): Promise<NamesPage> => {
    const { names, more } = await store.for(context, principal).listNames(range);
    return { names, next: more ? names.at(-1) : undefined };
  };
