import { fileReply, fileRequest, fileTypes } from './http/env-requests.ts';
import { endpoint } from './runtime/endpoint.ts';
import { ports } from './runtime/vault.ts';
import { submitEnv } from './vault/env-file.ts';

const operation = 'submit-env';
const submit = submitEnv(ports);

/** POST /v1/env: stores the secrets of enc() and resolves secret(), all or nothing. */
export const handler = endpoint({
  operation,
  scopes: ['secrets:read', 'secrets:write'],
  takes: fileTypes,
  parse: fileRequest(operation),
  respond: async (context, principal, request) =>
    fileReply(request, await submit(context, principal, request)),
});
