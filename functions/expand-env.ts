import { expandRequest, fileEndpoint } from './http/env-requests.ts';
import { endpoint } from './runtime/endpoint.ts';
import { ports } from './runtime/vault.ts';
import { expandEnv } from './vault/expand-env.ts';

/** POST /v1/env/expand: resolves secret(). The reply is the final file. */
export const handler = endpoint({
  ...fileEndpoint,
  operation: 'expand-env',
  scopes: ['secrets:read'],
  parse: expandRequest,
  run: expandEnv(ports),
});
