import { queryOf } from './http/requests.ts';
import { keyIdOf } from './model/types.ts';
import { endpoint } from './runtime/endpoint.ts';
import { machineClock } from './runtime/machine.ts';
import { readNode } from './runtime/node-status.ts';
import { ports } from './runtime/vault.ts';
import { getStatus } from './vault/get-status.ts';

const probe = getStatus(ports, machineClock);

/** GET /v1/status: whether the store and the master key can be used; 503 if one cannot. */
export const handler = endpoint({
  operation: 'get-status',
  scopes: [],
  parse: (received) => queryOf(received, []),
  run: async (context, principal) => {
    const status = await probe(context, principal);
    const node = principal.scopes.includes('vault:status') ? await readNode() : undefined;
    return { ...status, ...(node !== undefined && { node }) };
  },
  reply: ({ status, store, masterKey, ...node }) => ({
    status: status === 'ok' ? 200 : 503,
    body: {
      status,
      store,
      masterKey: { ...masterKey, id: masterKey.id && keyIdOf(masterKey.id) },
      ...node,
    },
  }),
});
