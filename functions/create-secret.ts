import { strictObject, string } from 'valibot';
import { parseJson } from './http/json.ts';
import { fingerprintOf } from './http/preconditions.ts';
import { queryOf, referenceTo } from './http/requests.ts';
import { written } from './http/responses.ts';
import { decodeValue, requireName, valueMembers } from './http/values.ts';
import { endpoint } from './runtime/endpoint.ts';
import { ports } from './runtime/vault.ts';
import { createSecret } from './vault/create-secret.ts';

const operation = 'create-secret';
const members = strictObject({ name: string(), ...valueMembers });
const create = createSecret(ports);

/** POST /v1/secrets: stores a secret that does not exist yet. */
export const handler = endpoint({
  operation,
  scopes: ['secrets:write'],
  takes: ['application/json'],
  parse: (event, { principal, body }) => {
    queryOf(event, []);
    const { name, ...sent } = parseJson(body.text, members);
    requireName(name);
    const value = decodeValue(sent);
    const fingerprint = fingerprintOf(event, principal, [operation, name, value]);
    return { name, value, fingerprint, location: referenceTo(name, event) };
  },
  respond: async (context, principal, request) => {
    context.journal.concerns({ name: request.name });
    const { version, replayed } = await create(context, principal, request);
    return written(201, version, replayed, { Location: request.location });
  },
});
