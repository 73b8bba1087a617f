import manifest from '../package.json' with { type: 'json' };
import { queryOf } from './http/requests.ts';
import { retryAfter } from './http/responses.ts';
import { keyIdOf } from './model/types.ts';
import { machineClock } from './runtime/clock.ts';
import { readCommit } from './runtime/config.ts';
import { endpoint } from './runtime/endpoint.ts';
import { policyState } from './runtime/identity.ts';
import { readNode } from './runtime/node-status.ts';
import { ports } from './runtime/vault.ts';
import { getStatus } from './vault/get-status.ts';

const probe = getStatus(ports, machineClock);
const program = { version: manifest.version, commit: readCommit() };

/**
 * GET /v1/status: which release this is, and whether the store and the master key can be used; 503
 * if either cannot.
 */
export const handler = endpoint({
  operation: 'get-status',
  scopes: [],
  parse: (received) => queryOf(received, []),
  run: async (context, principal) => {
    const status = await probe(context, principal);
    if (!principal.scopes.includes('vault:status')) return status;
    const node = readNode();
    return { ...status, policy: policyState(), ...(node !== undefined && { node }) };
  },
  reply: ({ status, store, masterKey, ...forOperators }) => ({
    status: status === 'ok' ? 200 : 503,
    headers: status === 'ok' ? {} : retryAfter,
    body: {
      status,
      ...program,
      store,
      masterKey: { ...masterKey, id: masterKey.id && keyIdOf(masterKey.id) },
      ...forOperators,
    },
  }),
});
