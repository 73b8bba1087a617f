import { anchored } from './crypto/fingerprint.ts';
import {
  ifNoneMatchOf,
  instantOf,
  invalid,
  pathName,
  queryOf,
  type ReceivedRequest,
  refuseHeader,
  versionOf,
} from './http/requests.ts';
import { encodeValue, etag, validity } from './http/responses.ts';
import { route } from './http/route.ts';
import { type GetSecret, getSecret } from './vault/get-secret.ts';

const whichOf = (received: ReceivedRequest): GetSecret['which'] => {
  const query = queryOf(received, ['version', 'at']);
  const [version, at] = [query.get('version'), query.get('at')];
  if (version !== undefined && at !== undefined) {
    throw invalid('at', 'at cannot be combined with version');
  }
  if (version !== undefined) return { version: versionOf(version) };
  return at === undefined ? 'latest' : { at: instantOf(at, received.now) };
};

/**
 * GET /v1/secrets/{name}: the current value, a version by number, or the version that was valid at
 * an instant.
 */
export const getSecretRoute = route({
  method: 'GET',
  path: '/v1/secrets/{name}',
  operation: 'get-secret',
  scopes: ['secrets:read'],
  parse: (received) => {
    const [name, which] = [pathName(received), whichOf(received)];
    refuseHeader(received, 'if-match', 'If-Match has no meaning for a read; use If-None-Match');
    // A version never gets another value, so `If-None-Match` has an effect only in a request for
    // whatever version is current.
    const ifNoneMatch = which === 'latest' ? ifNoneMatchOf(received) : undefined;
    return { name, which, ifNoneMatch };
  },
  run: getSecret,
  reply: ({ stored, value }, { which }) => {
    const { note } = stored;
    const headers = which === 'latest' ? { ETag: etag(stored.version) } : {};
    if (value === undefined) return { status: 304, body: undefined, headers };
    const body = { ...anchored(stored), ...encodeValue(value), ...validity(stored), note };
    return { status: 200, body, headers };
  },
});
