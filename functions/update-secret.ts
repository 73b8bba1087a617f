import { strictObject } from 'valibot';
import { parseJson } from './http/json.ts';
import { fingerprintOf, ifMatchOf, refuseIfNoneMatch } from './http/preconditions.ts';
import { pathName, queryOf } from './http/requests.ts';
import { written } from './http/responses.ts';
import { decodeValue, valueMembers } from './http/values.ts';
import { endpoint } from './runtime/endpoint.ts';
import { ports } from './runtime/vault.ts';
import { updateSecret } from './vault/update-secret.ts';

const operation = 'update-secret';
const members = strictObject(valueMembers);
const update = updateSecret(ports);

/** PUT /v1/secrets/{name}: stores a new version of a secret that exists. */
export const handler = endpoint({
  operation,
  scopes: ['secrets:write'],
  takes: ['application/json'],
  parse: (event, { principal, body }) => {
    const name = pathName(event);
    queryOf(event, []);
    refuseIfNoneMatch(event);
    const ifMatch = ifMatchOf(event);
    const value = decodeValue(parseJson(body.text, members));
    const content = [operation, name, value, ifMatch?.toString()];
    return { name, value, ifMatch, fingerprint: fingerprintOf(event, principal, content) };
  },
  respond: async (context, principal, request) => {
    context.journal.concerns({ name: request.name });
    const { version, replayed } = await update(context, principal, request);
    return written(200, version, replayed);
  },
});
