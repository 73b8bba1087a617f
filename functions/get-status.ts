import type { PolicyState } from './http/identity.ts';
import { queryOf } from './http/requests.ts';
import { retryAfter } from './http/responses.ts';
import { route } from './http/route.ts';
import { keyIdOf } from './model/types.ts';
import { getStatus } from './vault/get-status.ts';
import type { Clock, Ports } from './vault/request.ts';

/** What the status says about the program of a vault, apart from its services. */
export type StatusParts = {
  readonly clock: Pick<Clock, 'elapsed'>;
  /** The release and the commit of the program; `null` if the commit is not known. */
  readonly about: { readonly version: string; readonly commit: string | null };
  /** The access policy in use. */
  readonly policy: () => PolicyState | undefined;
  /** The status of the node that runs in this process; absent if there is no node. */
  readonly node?: (() => object) | undefined;
};

/**
 * GET /v1/status: which release this is, and whether the store and the master key can be used; 503
 * if either cannot.
 */
export const getStatusRoute = route({
  operation: 'get-status',
  method: 'GET',
  path: '/v1/status',
  scopes: [],
  parse: (received) => queryOf(received, []),
  run: ({ clock, about, policy, node, ...ports }: Ports & StatusParts) => {
    const probe = getStatus(ports, clock);
    return async (context, principal) => {
      const status = { about, ...(await probe(context, principal)) };
      if (!principal.scopes.includes('vault:status')) return status;
      return { ...status, policy: policy(), ...(node && { node: node() }) };
    };
  },
  reply: ({ about, status, store, masterKey, ...forOperators }) => ({
    status: status === 'ok' ? 200 : 503,
    headers: status === 'ok' ? {} : retryAfter,
    body: {
      status,
      ...about,
      store,
      masterKey: { ...masterKey, id: masterKey.id && keyIdOf(masterKey.id) },
      ...forOperators,
    },
  }),
});
