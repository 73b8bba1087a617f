import { encryptRequest, fileEndpoint } from './http/env-requests.ts';
import { route } from './http/route.ts';
import type { VaultPorts } from './vault/keyed-mutex.ts';
import { encryptEnv } from './vault/submit-env.ts';

/** POST /v1/env/encrypt: stores the values of enc(). The reply has secret() in place of enc(). */
export const encryptEnvRoute = route({
  ...fileEndpoint,
  operation: 'encrypt-env',
  method: 'POST',
  path: '/v1/env/encrypt',
  scopes: ['secrets:write'],
  parse: encryptRequest,
  run: (ports: VaultPorts) => encryptEnv(ports, ports.writers),
});
