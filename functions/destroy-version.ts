import { anchored } from './crypto/fingerprint.ts';
import { pathName, queryOf, refuseHeader, versionOf } from './http/requests.ts';
import { formatInstant } from './model/types.ts';
import { endpoint } from './runtime/endpoint.ts';
import { storePorts } from './runtime/store.ts';
import { destroyVersion } from './vault/destroy-version.ts';

/**
 * DELETE /v1/secrets/{name}/versions/{version}: removes the value of a superseded version for good.
 */
export const handler = endpoint({
  operation: 'destroy-version',
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
  run: destroyVersion(storePorts),
  reply: ({ destroyedAt, destroyedBy, ...ref }) => ({
    status: 200,
    body: { ...anchored(ref), destroyedAt: formatInstant(destroyedAt), destroyedBy },
  }),
});
