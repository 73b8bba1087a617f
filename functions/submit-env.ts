import { fileEndpoint } from './http/env-requests.ts';
import { endpoint } from './runtime/endpoint.ts';
import { ports, writers } from './runtime/vault.ts';
import { submitEnv } from './vault/submit-env.ts';

/** POST /v1/env: stores what enc() names and resolves secret(), all or nothing. */
export const handler = endpoint({
  ...fileEndpoint('submit-env'),
  scopes: ['secrets:read', 'secrets:write'],
  run: submitEnv(ports, writers),
});
