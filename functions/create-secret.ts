import { strictObject, string } from 'valibot';
import { decodeValue, parseJson, requireName, valueProperties } from './http/bodies.ts';
import { fingerprintOf, given, queryOf, referenceTo } from './http/requests.ts';
import { etag, written } from './http/responses.ts';
import { route } from './http/route.ts';
import { createSecret } from './vault/create-secret.ts';

const operation = 'create-secret';
const bodySchema = strictObject({ name: string(), ...valueProperties });

/** POST /v1/secrets: stores a secret that does not exist yet. */
export const createSecretRoute = route({
  operation,
  method: 'POST',
  path: '/v1/secrets',
  scopes: ['secrets:write'],
  takes: ['application/json'],
  parse: (received) => {
    queryOf(received, []);
    const { name, ...sent } = parseJson(received.body.text, bodySchema);
    requireName(name);
    const value = decodeValue(sent);
    const { note } = sent;
    const fingerprint = fingerprintOf(received, [operation, name, value, ...given(note)]);
    return { name, value, note, fingerprint, location: referenceTo(name, received) };
  },
  run: createSecret,
  reply: ({ version, replayed }, { location }) =>
    written(201, version, replayed, { ETag: etag(version.version), Location: location }),
});
