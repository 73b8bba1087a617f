import { strictObject } from 'valibot';
import { noteProperty, parseJson } from './http/bodies.ts';
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
import { deleteSecret } from './vault/delete-secret.ts';

const operation = 'delete-secret';
const bodySchema = strictObject({ note: noteProperty });

/** DELETE /v1/secrets/{name}: stores a version without a value, which deletes the secret. */
export const deleteSecretRoute = route({
  operation,
  method: 'DELETE',
  path: '/v1/secrets/{name}',
  scopes: ['secrets:delete'],
  takes: ['application/json'],
  bodyIsOptional: true,
  parse: (received) => {
    const name = pathName(received);
    queryOf(received, []);
    refuseHeader(
      received,
      'if-none-match',
      'If-None-Match has no meaning for a delete; use If-Match',
    );
    const ifMatch = ifMatchOf(received);
    const { text } = received.body;
    const { note } = text === '' ? {} : parseJson(text, bodySchema);
    const content = [operation, name, ifMatch?.toString(), ...given(note)];
    return { name, note, ifMatch, fingerprint: fingerprintOf(received, content) };
  },
  run: deleteSecret,
  reply: ({ version, replayed }) => written(200, version, replayed),
});
