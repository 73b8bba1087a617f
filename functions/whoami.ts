import { queryOf } from './http/requests.ts';
import { route } from './http/route.ts';
import { formatInstant } from './model/types.ts';

/** GET /v1/whoami: the caller as its token describes it. Calls no service. */
export const whoamiRoute = route({
  operation: 'whoami',
  method: 'GET',
  path: '/v1/whoami',
  scopes: [],
  parse: (received) => queryOf(received, []),
  run: () => async (_context, principal) => principal,
  reply: ({ issuer, rule = null, tenant, subject, scopes, names = ['*'], expires }) => ({
    status: 200,
    body: { issuer, rule, tenant, subject, scopes, names, expires: formatInstant(expires) },
  }),
});
