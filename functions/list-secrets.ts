import { anchorOf } from './crypto/fingerprint.ts';
import { afterOf, limitOf, nextCursorOf } from './http/pages.ts';
import { choiceOf, invalid, queryOf, type ReceivedRequest } from './http/requests.ts';
import { route } from './http/route.ts';
import { limits } from './model/limits.ts';
import { formatInstant, type HeadDetails, isNameVisible, isSecretName } from './model/types.ts';
import { type ListSecrets, listSecrets } from './vault/list-secrets.ts';

const parse = (received: ReceivedRequest): ListSecrets => {
  const query = queryOf(received, ['prefix', 'limit', 'cursor', 'state', 'include']);
  const prefix = query.get('prefix') ?? '';
  if (prefix !== '' && !isSecretName(prefix))
    throw invalid('prefix', 'no secret name can begin with this prefix');
  const state = choiceOf(query, 'state', ['stored', 'deleted']) ?? 'stored';
  const includeDetails = choiceOf(query, 'include', ['details']) === 'details';
  const max = includeDetails ? limits.detailsPageMax : limits.namesPageMax;
  const { names } = received.principal;
  const given = (name: string) => isSecretName(name) && isNameVisible(names, name);
  return {
    state,
    includeDetails,
    prefix,
    after: afterOf(query, given),
    limit: limitOf(query, max, Math.min(max, limits.namesPageDefault)),
  };
};

const entry = ({ validFrom, writeId, ...details }: HeadDetails) => ({
  ...details,
  anchor: anchorOf({ ...details, writeId }),
  validFrom: formatInstant(validFrom),
});

/** GET /v1/secrets: the names that the caller may see. The list may lag behind writes. */
export const listSecretsRoute = route({
  operation: 'list-secrets',
  method: 'GET',
  path: '/v1/secrets',
  scopes: ['secrets:list'],
  parse,
  run: listSecrets,
  reply: ({ names, details, next }) => ({
    status: 200,
    body: { names, secrets: details?.map(entry), nextCursor: nextCursorOf(next) },
  }),
});
