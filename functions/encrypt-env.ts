import { fileReply, fileRequest, fileTypes } from './http/env-requests.ts';
import { endpoint } from './runtime/endpoint.ts';
import { ports } from './runtime/vault.ts';
import { encryptEnv } from './vault/env-file.ts';

const operation = 'encrypt-env';
const encrypt = encryptEnv(ports);

/** POST /v1/env/encrypt: stores the secrets of enc(). The reply has secret() in place of enc(). */
export const handler = endpoint({
  operation,
  scopes: ['secrets:write'],
  takes: fileTypes,
  parse: fileRequest(operation),
  respond: async (context, principal, request) =>
    fileReply(request, await encrypt(context, principal, request)),
});
