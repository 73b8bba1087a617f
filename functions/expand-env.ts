import { expandRequest, fileEndpoint } from './http/env-requests.ts';
import { route } from './http/route.ts';
import { expandEnv } from './vault/expand-env.ts';

/** POST /v1/env/expand: resolves secret(). The reply is the final file. */
export const expandEnvRoute = route({
  ...fileEndpoint,
  operation: 'expand-env',
  method: 'POST',
  path: '/v1/env/expand',
  scopes: ['secrets:read'],
  parse: expandRequest,
  run: expandEnv,
});
