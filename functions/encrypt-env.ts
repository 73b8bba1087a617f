import { fileEndpoint } from './http/env-requests.ts';
import { endpoint } from './runtime/endpoint.ts';
import { ports } from './runtime/vault.ts';
import { encryptEnv } from './vault/submit-env.ts';

/** POST /v1/env/encrypt: stores the secrets of enc(). The reply has secret() in place of enc(). */
export const handler = endpoint({
  ...fileEndpoint('encrypt-env'),
  scopes: ['secrets:write'],
  run: encryptEnv(ports),
});
