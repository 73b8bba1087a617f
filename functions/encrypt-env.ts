import { encryptRequest, fileEndpoint } from './http/env-requests.ts';
import { endpoint } from './runtime/endpoint.ts';
import { ports, writers } from './runtime/vault.ts';
import { encryptEnv } from './vault/submit-env.ts';

/** POST /v1/env/encrypt: stores the values of enc(). The reply has secret() in place of enc(). */
export const handler = endpoint({
  ...fileEndpoint,
  operation: 'encrypt-env',
  scopes: ['secrets:write'],
  parse: encryptRequest,
  run: encryptEnv(ports, writers),
});
