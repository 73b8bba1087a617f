import { boolean, check, custom, number, optional, pipe, strictObject, string } from 'valibot';
import { noteProperty, parseJson } from './http/bodies.ts';
import { requireScopes } from './http/endpoint.ts';
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
import { isSecretName, isVersionNumber } from './model/types.ts';
import { endpoint } from './runtime/endpoint.ts';
import { ports, writers } from './runtime/vault.ts';
import { copySecret } from './vault/copy-secret.ts';

const operation = 'copy-secret';
const bodySchema = strictObject({
  from: pipe(
    strictObject({
      name: optional(pipe(string(), check(isSecretName, 'name is no secret name'))),
      version: optional(
        pipe(
          number(),
          check((version) => isVersionNumber(String(version)), 'version is no version number'),
        ),
      ),
    }),
    check(({ name, version }) => (name ?? version) !== undefined, 'needs a name or a version'),
  ),
  create: optional(boolean()),
  note: noteProperty,
  value: optional(custom<undefined>(() => false, 'cannot be combined with from')),
});

/** POST /v1/secrets/{name}/copies: stores the value of a version as the next version, without showing it. */
export const handler = endpoint({
  operation,
  scopes: ['secrets:write'],
  takes: ['application/json'],
  parse: (received) => {
    const name = pathName(received);
    queryOf(received, []);
    refuseHeader(received, 'if-none-match', 'has no meaning here; create does');
    const ifMatch = ifMatchOf(received);
    const { from: sent, create = false, note } = parseJson(received.body.text, bodySchema);
    if (create && ifMatch !== undefined)
      throw invalid('if-match', 'cannot be combined with create');
    const from = { name: sent.name ?? name, version: sent.version };
    if (from.name !== name) requireScopes(received.principal, ['secrets:read']);
    const fingerprint = fingerprintOf(received, [
      ...[operation, name, from.name, from.version?.toString()],
      ...[String(create), ifMatch?.toString(), ...given(note)],
    ]);
    return { name, from, create, ifMatch, note, fingerprint };
  },
  run: copySecret(ports, writers),
  reply: ({ version, from, replayed }) => {
    const { body, ...reply } = written(200, version, replayed);
    return { ...reply, body: { ...body, from } };
  },
});
