import { boolean, check, custom, number, optional, pipe, strictObject, string } from 'valibot';
import { noteProperty, parseJson } from './http/bodies.ts';
import {
  fingerprintOf,
  given,
  ifMatchOf,
  invalid,
  pathName,
  queryOf,
  refuseHeader,
} from './http/requests.ts';
import { written } from './http/responses.ts';
import { route } from './http/route.ts';
import { isSecretName, isVersionNumber, secretNameForm, versionNumberForm } from './model/types.ts';
import { copySecret } from './vault/copy-secret.ts';
import type { VaultPorts } from './vault/keyed-mutex.ts';
import { requireScopes } from './vault/permission.ts';

const operation = 'copy-secret';
const bodySchema = strictObject({
  from: pipe(
    strictObject({
      name: optional(pipe(string(), check(isSecretName, `needs a name that is ${secretNameForm}`))),
      version: optional(
        pipe(
          number(),
          check(
            (version) => isVersionNumber(String(version)),
            `needs a version ${versionNumberForm}`,
          ),
        ),
      ),
    }),
    check(
      ({ name, version }) => (name ?? version) !== undefined,
      'needs a name, a version, or both',
    ),
  ),
  create: optional(boolean()),
  note: noteProperty,
  value: optional(custom<undefined>(() => false, 'cannot be sent with from; leave it out')),
});

/**
 * POST /v1/secrets/{name}/copies: stores the value of a version of this or another secret as the
 * next version of this one, or as its first, without returning the value.
 */
export const copySecretRoute = route({
  operation,
  method: 'POST',
  path: '/v1/secrets/{name}/copies',
  scopes: ['secrets:write'],
  takes: ['application/json'],
  parse: (received) => {
    const name = pathName(received);
    queryOf(received, []);
    refuseHeader(
      received,
      'if-none-match',
      'If-None-Match has no meaning here; send "create": true instead',
    );
    const ifMatch = ifMatchOf(received);
    const { from: sent, create = false, note } = parseJson(received.body.text, bodySchema);
    if (create && ifMatch !== undefined)
      throw invalid('if-match', 'If-Match cannot be combined with "create": true');
    const from = { name: sent.name ?? name, version: sent.version };
    if (from.name !== name) requireScopes(received.principal, ['secrets:read']);
    const fingerprint = fingerprintOf(received, [
      ...[operation, name, from.name, from.version?.toString()],
      ...[String(create), ifMatch?.toString(), ...given(note)],
    ]);
    return { name, from, create, ifMatch, note, fingerprint };
  },
  run: (ports: VaultPorts) => copySecret(ports, ports.writers),
  reply: ({ version, from, replayed }) => {
    const { body, ...reply } = written(200, version, replayed);
    return { ...reply, body: { ...body, from } };
  },
});
