import { decodeCursor, encodeCursor, isVersionNumber, limitOf } from './http/preconditions.ts';
import { type Event, invalid, pathName, queryOf } from './http/requests.ts';
import { keyIdOf, validity } from './http/responses.ts';
import { encodeValue } from './http/values.ts';
import { limits } from './model/limits.ts';
import { endpoint } from './runtime/endpoint.ts';
import { ports } from './runtime/vault.ts';
import { type ListedVersion, type ListVersions, listVersions } from './vault/list-versions.ts';

const list = listVersions(ports);

const parse = (event: Event): ListVersions => {
  const name = pathName(event);
  const query = queryOf(event, ['limit', 'cursor', 'order', 'include']);
  const order = query.get('order') ?? 'desc';
  if (order !== 'asc' && order !== 'desc') throw invalid('order', 'must be asc or desc');
  const include = query.get('include');
  if (include !== undefined && include !== 'values') throw invalid('include', 'must be values');
  const includeValues = include === 'values';
  const max = includeValues ? limits.valuesPageMax : limits.versionsPageMax;
  const cursor = query.get('cursor');
  return {
    name,
    order,
    limit: limitOf(query.get('limit'), max, Math.min(max, limits.versionsPageDefault)),
    after: cursor === undefined ? undefined : Number(decodeCursor(cursor, isVersionNumber)),
    includeValues,
  };
};

const entry = ({ stored, value }: ListedVersion) => ({
  version: stored.version,
  ...validity(stored),
  createdBy: stored.createdBy,
  masterKeyId: keyIdOf(stored.masterKeyId),
  ...(value && encodeValue(value)),
});

/** GET /v1/secrets/{name}/versions: the history, each version with its validity interval. */
export const handler = endpoint({
  operation: 'list-versions',
  scopes: ['secrets:read'],
  parse,
  respond: async (context, principal, request) => {
    context.journal.concerns({ name: request.name });
    const { versions, next } = await list(context, principal, request);
    return {
      status: 200,
      body: {
        name: request.name,
        versions: versions.map(entry),
        nextCursor: next === undefined ? null : encodeCursor(next),
      },
    };
  },
});
