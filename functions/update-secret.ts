import { strictObject } from 'valibot';
import { decodeValue, parseJson, valueProperties } from './http/bodies.ts';
import {
  fingerprintOf,
  given,
  ifMatchOf,
  pathName,
  queryOf,
  refuseHeader,
} from './http/requests.ts';
import { written } from './http/responses.ts';
import { route } from './http/route.ts';
import type { VaultPorts } from './vault/keyed-mutex.ts';
import { updateSecret } from './vault/update-secret.ts';

const operation = 'update-secret';
const bodySchema = strictObject(valueProperties);

/** PUT /v1/secrets/{name}: stores a new version of an existing secret. */
export const updateSecretRoute = route({
  operation,
  method: 'PUT',
  path: '/v1/secrets/{name}',
  scopes: ['secrets:write'],
  takes: ['application/json'],
  parse: (received) => {
    const name = pathName(received);
    queryOf(received, []);
    refuseHeader(
      received,
      'if-none-match',
      'If-None-Match has no meaning here; POST /v1/secrets creates a secret',
    );
    const ifMatch = ifMatchOf(received);
    const sent = parseJson(received.body.text, bodySchema);
    const [value, note] = [decodeValue(sent), sent.note];
    const content = [operation, name, value, ifMatch?.toString(), ...given(note)];
    return { name, value, note, ifMatch, fingerprint: fingerprintOf(received, content) };
  },
  run: (ports: VaultPorts) => updateSecret(ports, ports.writers),
  reply: ({ version, replayed }) => written(200, version, replayed),
});
