/**
 * A real OpenID provider as a process on a free port of this machine: `oidc-provider` with its
 * pages for a person. Access tokens for a resource are JWTs with the claims of a vault. All other
 * access tokens are opaque.
 */
/// <reference path="./oidc-provider.d.ts" />
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';
import { privateJwk, rsa } from '../issuer.ts';

const server = createServer();
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const client = {
  client_id: 'dsvault',
  token_endpoint_auth_method: 'none',
  application_type: 'native',
  grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
  response_types: [],
  redirect_uris: [],
};
/** A client with a secret, which the tests write into a file. */
const confidential = {
  ...client,
  client_id: 'confidential',
  client_secret: 'c4n4ry-secret-of-the-client',
  token_endpoint_auth_method: 'client_secret_post',
};
const provider = new Provider(issuer, {
  clients: [client, confidential],
  jwks: { keys: [{ ...privateJwk(rsa()), kid: 'first', use: 'sig', alg: 'RS256' }] },
  cookies: { keys: ['for tests only'] },
  features: {
    deviceFlow: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({
        scope: 'secrets:read secrets:write',
        accessTokenFormat: 'jwt',
        accessTokenTTL: 600,
      }),
    },
  },
  extraTokenClaims: () => ({ tenant: 'acme', names: ['app.*'] }),
  issueRefreshToken: () => true,
  ttl: { DeviceCode: 60, AccessToken: 600, IdToken: 600, Interaction: 60, Session: 60, Grant: 600 },
});
// Without an interval in the answer, the client would wait for 5 s between two requests, which is
// too long for tests.
provider.use(async (context, next) => {
  await next();
  if (context.oidc?.route === 'device_authorization') Object.assign(context.body, { interval: 1 });
});
server.on('request', provider.callback());
process.stdout.write(`issuer ${issuer}\n`);
