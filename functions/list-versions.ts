import { anchorOf } from './crypto/fingerprint.ts';
import { afterOf, limitOf, nextCursorOf } from './http/pages.ts';
import { choiceOf, pathName, queryOf, type ReceivedRequest } from './http/requests.ts';
import { encodeValue, validity } from './http/responses.ts';
import { route } from './http/route.ts';
import { limits } from './model/limits.ts';
import { formatInstant, isVersionNumber, keyIdOf } from './model/types.ts';
import { type ListedVersion, type ListVersions, listVersions } from './vault/list-versions.ts';
import { requireScopes } from './vault/permission.ts';

const parse = (received: ReceivedRequest): ListVersions => {
  const name = pathName(received);
  const query = queryOf(received, ['limit', 'cursor', 'order', 'include']);
  const order = choiceOf(query, 'order', ['asc', 'desc']) ?? 'desc';
  const includeValues = choiceOf(query, 'include', ['values']) === 'values';
  const max = includeValues ? limits.valuesPageMax : limits.versionsPageMax;
  const limit = limitOf(query, max, Math.min(max, limits.versionsPageDefault));
  const after = afterOf(query, isVersionNumber);
  if (includeValues) requireScopes(received.principal, ['secrets:read']);
  return {
    name,
    order,
    limit,
    after: after === undefined ? undefined : Number(after),
    includeValues,
  };
};

const entry = ({ stored, value }: ListedVersion) => ({
  version: stored.version,
  anchor: anchorOf(stored),
  state: stored.state,
  ...validity(stored),
  createdBy: stored.createdBy,
  ...(stored.state === 'destroyed'
    ? { destroyedAt: formatInstant(stored.destroyedAt), destroyedBy: stored.destroyedBy }
    : { note: stored.note }),
  ...(stored.state !== 'deleted' && { masterKeyId: keyIdOf(stored.masterKeyId) }),
  ...(value && encodeValue(value)),
});

/**
 * GET /v1/secrets/{name}/versions: the history, in which each version has its validity interval.
 */
export const listVersionsRoute = route({
  operation: 'list-versions',
  method: 'GET',
  path: '/v1/secrets/{name}/versions',
  scopes: ['secrets:list'],
  parse,
  run: listVersions,
  reply: ({ versions, next }, { name }) => ({
    status: 200,
    body: { name, versions: versions.map(entry), nextCursor: nextCursorOf(next) },
  }),
});
