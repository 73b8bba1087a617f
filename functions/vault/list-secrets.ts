import type { HeadDetails } from '../model/types.ts';
import type { NameRange } from './ports.ts';
import { type StorePorts, storeOperation } from './request.ts';

export type ListSecrets = NameRange & { readonly includeDetails: boolean };
export type NamesPage = {
  readonly names: readonly string[];
  readonly details: readonly HeadDetails[] | undefined;
  /** The name after which the next page begins; `undefined` on the last page. */
  readonly next: string | undefined;
};

/**
 * Lists the names that the caller may see, in ascending order. The list may lag behind writes, so
 * nothing may depend on it. With details, the heads are read too, and names whose secret is no
 * longer in the requested state are left out.
 */
export const listSecrets = (ports: StorePorts) =>
  storeOperation(ports, async ({ store }, request: ListSecrets): Promise<NamesPage> => {
    const { names, more } = await store.listNames(request);
    const next = more ? names.at(-1) : undefined;
    if (!request.includeDetails) return { names, details: undefined, next };
    const found = await store.findDetails(names);
    const details = names.flatMap((name) => {
      const one = found.get(name);
      return one?.state === request.state ? one : [];
    });
    return { names: details.map(({ name }) => name), details, next };
  });
