import { queryOf } from './http/requests.ts';
import { formatInstant } from './model/types.ts';
import { endpoint } from './runtime/endpoint.ts';

/** GET /v1/whoami: the caller as its token describes it. Calls no service. */
export const handler = endpoint({
  operation: 'whoami',
  scopes: [],
  parse: (received) => queryOf(received, []),
  run: async (_context, principal) => principal,
  reply: ({ issuer, rule = null, tenant, subject, scopes, names = ['*'], expires }) => ({
    status: 200,
    body: { issuer, rule, tenant, subject, scopes, names, expires: formatInstant(expires) },
  }),
});
