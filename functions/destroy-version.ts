import { anchored } from './crypto/fingerprint.ts';
import { pathName, queryOf, refuseHeader, versionOf } from './http/requests.ts';
import { route } from './http/route.ts';
import { formatInstant } from './model/types.ts';
import { destroyVersion } from './vault/destroy-version.ts';

/**
 * DELETE /v1/secrets/{name}/versions/{version}: removes the value of a superseded version for good.
 */
export const destroyVersionRoute = route({
  operation: 'destroy-version',
  method: 'DELETE',
  path: '/v1/secrets/{name}/versions/{version}',
  scopes: ['secrets:destroy'],
  parse: (received) => {
    const name = pathName(received);
    const version = versionOf(received.parameters['version']);
    queryOf(received, []);
    refuseHeader(
      received,
      'if-match',
      'If-Match has no meaning here, because the path names the version',
    );
    return { name, version };
  },
  run: destroyVersion,
  reply: ({ destroyedAt, destroyedBy, ...ref }) => ({
    status: 200,
    body: { ...anchored(ref), destroyedAt: formatInstant(destroyedAt), destroyedBy },
  }),
});
