import { fileEndpoint, submitRequest } from './http/env-requests.ts';
import { endpoint } from './runtime/endpoint.ts';
import { ports, writers } from './runtime/vault.ts';
import { submitEnv } from './vault/submit-env.ts';

/** POST /v1/env: stores the values of enc() and resolves secret(), all or nothing. */
export const handler = endpoint({
  ...fileEndpoint,
  operation: 'submit-env',
  scopes: ['secrets:read', 'secrets:write'],
  parse: submitRequest,
  run: submitEnv(ports, writers),
});
