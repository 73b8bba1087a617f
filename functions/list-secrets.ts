import { afterOf, limitOf, nextCursorOf } from './http/pages.ts';
import { invalid, queryOf, type Received } from './http/requests.ts';
import { limits } from './model/limits.ts';
import { isNameVisible, isSecretName } from './model/types.ts';
import { endpoint } from './runtime/endpoint.ts';
import { store } from './runtime/store.ts';
import { listSecrets } from './vault/list-secrets.ts';
import type { NameRange } from './vault/ports.ts';

const parse = (received: Received): NameRange => {
  const query = queryOf(received, ['prefix', 'limit', 'cursor']);
  const prefix = query.get('prefix') ?? '';
  if (prefix !== '' && !isSecretName(prefix)) throw invalid('prefix', 'begins no secret name');
  const { names } = received.principal;
  const given = (name: string) => isSecretName(name) && isNameVisible(names, name);
  return {
    prefix,
    after: afterOf(query, given),
    limit: limitOf(query, limits.namesPageMax, limits.namesPageDefault),
  };
};

/** GET /v1/secrets: the names that are visible to the caller. The list may lag behind a create. */
export const handler = endpoint({
  operation: 'list-secrets',
  scopes: ['secrets:read'],
  parse,
  run: listSecrets({ store }),
  reply: ({ names, next }) => ({ status: 200, body: { names, nextCursor: nextCursorOf(next) } }),
});
