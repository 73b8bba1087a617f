import { strictObject } from 'valibot';
import { decodeValue, parseJson, valueMembers } from './http/bodies.ts';
import { fingerprintOf, ifMatchOf, pathName, queryOf, refuseIfNoneMatch } from './http/requests.ts';
import { written } from './http/responses.ts';
import { endpoint } from './runtime/endpoint.ts';
import { ports } from './runtime/vault.ts';
import { updateSecret } from './vault/update-secret.ts';

const operation = 'update-secret';
const members = strictObject(valueMembers);

/** PUT /v1/secrets/{name}: stores a new version of a secret that exists. */
export const handler = endpoint({
  operation,
  scopes: ['secrets:write'],
  takes: ['application/json'],
  parse: (received) => {
    const name = pathName(received);
    queryOf(received, []);
    refuseIfNoneMatch(received);
    const ifMatch = ifMatchOf(received);
    const value = decodeValue(parseJson(received.body.text, members));
    const fingerprint = fingerprintOf(received, [operation, name, value, ifMatch?.toString()]);
    return { name, value, ifMatch, fingerprint };
  },
  run: updateSecret(ports),
  reply: ({ version, replayed }) => written(200, version, replayed),
});
