/**
 * An access policy for the workflows of one GitHub repository, and checks of what their tokens may
 * do under it.
 */
import { expect } from '@jest/globals';
import { keySet, publicJwk, rsa, signToken } from './issuer.ts';
import { providers } from './provider-tokens.ts';
import type { Claims } from './tokens.ts';

const key = rsa();

/**
 * A policy that lets the workflows read these names of tenant `acme`. It also accepts tokens of
 * this machine's own key.
 */
export const githubPolicy = (names = 'app.*'): string => `issuers:
  - id: github
    issuer: https://token.actions.githubusercontent.com
    audiences: [vault]
    jwks: ${keySet(publicJwk(key, { kid: 'github' }))}
    algorithms: [RS256]
    rules:
      - match: { repository_id: "74", ref: refs/heads/main }
        tenant: acme
        subject: "{repository_id}"
        scopes: [secrets:read]
        names: ["${names}"]
  - id: local
    localKey: true
`;

/** Returns a token as GitHub Actions issues it for the repository in the policy. */
export const githubToken = (changes: Claims = {}): string => {
  const now = Math.floor(Date.now() / 1_000);
  const times = { iat: now, nbf: now, exp: now + 600 };
  const claims = providers.github.claimsOf({ aud: 'vault', ...times, ...changes });
  return signToken({ alg: 'RS256', kid: 'github' }, claims, key);
};

type Send = (
  token: string,
  method: string,
  path: string,
  body?: object,
) => Promise<{ readonly status: number; readonly json: unknown }>;

/** Stores secrets for two tenants. The value of each says which tenant it belongs to. */
export const storeForTwoTenants = async (
  send: Send,
  tokenOf: (tenant: string) => string,
): Promise<void> => {
  for (const [tenant, name] of [
    ['acme', 'app.DB'],
    ['acme', 'web.DB'],
    ['other', 'app.DB'],
    ['other', 'app.KEY'],
  ] as const) {
    const body = { name, value: `${name} of ${tenant}` };
    expect((await send(tokenOf(tenant), 'POST', '/v1/secrets', body)).status).toBe(201);
  }
};

/**
 * Expects that the repository's token can read `app.*` of `acme` and do nothing else, and that
 * tokens with other claims are refused.
 */
export const expectReadsOnlyApp = async (send: Send): Promise<void> => {
  const token = githubToken();
  const body = { value: 'x' };
  expect(await send(token, 'GET', '/v1/secrets/app.DB')).toMatchObject({
    json: { version: 1, value: 'app.DB of acme' },
  });
  expect((await send(token, 'GET', '/v1/secrets')).json).toMatchObject({ names: ['app.DB'] });
  for (const [status, method, path, sent] of [
    [404, 'GET', '/v1/secrets/app.KEY'],
    [404, 'GET', '/v1/secrets/web.DB'],
    [403, 'POST', '/v1/secrets', { name: 'app.NEW', ...body }],
    [403, 'PUT', '/v1/secrets/app.DB', body],
    [403, 'DELETE', '/v1/secrets/app.DB'],
  ] as const) {
    const { status: answered } = await send(token, method, path, sent);
    expect([answered, method, path]).toEqual([status, method, path]);
  }
  for (const changes of [
    { repository_id: '75' },
    { ref: 'refs/heads/other' },
    { aud: 'https://github.com/octo-org' },
  ]) {
    const { status } = await send(githubToken(changes), 'GET', '/v1/secrets/app.DB');
    expect([status, changes]).toEqual([401, changes]);
  }
};
