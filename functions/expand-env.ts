import { fileEndpoint } from './http/env-requests.ts';
import { endpoint } from './runtime/endpoint.ts';
import { ports } from './runtime/vault.ts';
import { expandEnv } from './vault/expand-env.ts';

/** POST /v1/env/expand: resolves secret(); the reply is a final file. */
export const handler = endpoint({
  ...fileEndpoint('expand-env'),
  scopes: ['secrets:read'],
  run: expandEnv(ports),
});
