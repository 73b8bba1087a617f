import { fileEndpoint, submitRequest } from './http/env-requests.ts';
import { route } from './http/route.ts';
import type { VaultPorts } from './vault/keyed-mutex.ts';
import { submitEnv } from './vault/submit-env.ts';

/** POST /v1/env: stores the values of enc() and resolves secret(), all or nothing. */
export const submitEnvRoute = route({
  ...fileEndpoint,
  operation: 'submit-env',
  method: 'POST',
  path: '/v1/env',
  scopes: ['secrets:read', 'secrets:write'],
  parse: submitRequest,
  run: (ports: VaultPorts) => submitEnv(ports, ports.writers),
});
