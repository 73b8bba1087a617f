import { fileReply, fileRequest, fileTypes } from './http/env-requests.ts';
import { endpoint } from './runtime/endpoint.ts';
import { ports } from './runtime/vault.ts';
import { expandEnv } from './vault/env-file.ts';

const operation = 'expand-env';
const expand = expandEnv(ports);

/** POST /v1/env/expand: resolves secret(); the reply is a final file. */
export const handler = endpoint({
  operation,
  scopes: ['secrets:read'],
  takes: fileTypes,
  parse: fileRequest(operation),
  respond: async (context, principal, request) =>
    fileReply(request, await expand(context, principal, request)),
});
