import { strictObject, string } from 'valibot';
import { fingerprintOf } from './http/conditions.ts';
import { jsonBody } from './http/json.ts';
import { queryOf } from './http/requests.ts';
import { written } from './http/responses.ts';
import { decodeValue, requireName, valueMembers } from './http/values.ts';
import { endpoint } from './runtime/endpoint.ts';
import { ports } from './runtime/vault.ts';
import { createSecret } from './vault/create-secret.ts';

const operation = 'create-secret';
const body = strictObject({ name: string(), ...valueMembers });
const create = createSecret(ports);

/** POST /v1/secrets: stores a secret that does not exist yet. */
export const handler = endpoint({
  operation,
  scopes: ['secrets:write'],
  parse: (event, principal) => {
    queryOf(event, []);
    const { name, ...sent } = jsonBody(event, body);
    requireName(name);
    const value = decodeValue(sent);
    return { name, value, fingerprint: fingerprintOf(event, principal, [operation, name, value]) };
  },
  respond: async (context, principal, request) => {
    context.journal.concerns({ name: request.name });
    const { version, replayed } = await create(context, principal, request);
    return written(201, version, replayed, { Location: `secrets/${request.name}` });
  },
});
