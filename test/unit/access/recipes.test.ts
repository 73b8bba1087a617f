/**
 * The policies in docs/access/. Each is tested with a token that has the claims its provider
 * documents.
 */
import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parsePolicy } from '../../../functions/access/policy-file.ts';
import type { IssuerPolicy } from '../../../functions/access/policy-types.ts';
import { localKeys } from '../../../functions/http/key-sets.ts';
import { createAuthenticator } from '../../../functions/http/principal.ts';
import type { Principal } from '../../../functions/model/types.ts';
import { keySet, p384, publicJwk, rsa, signToken } from '../../support/issuer.ts';
import { type Provider, providers } from '../../support/provider-tokens.ts';
import type { Claims } from '../../support/tokens.ts';

const recipes = globSync('docs/access/*.yaml').map((file) =>
  parsePolicy(readFileSync(file, 'utf8')),
);

const issuers = recipes.flatMap(({ policy }) => policy.issuers);
const keys = { RS256: rsa(), ES384: p384() };
const { authenticate } = createAuthenticator(
  issuers.map((issuer) => ({
    ...issuer,
    keys: localKeys(keySet(...Object.values(keys).map((key) => publicJwk(key)))),
  })),
);

const vault = 'https://vault.example.com';
const scopes = ['secrets:read', 'secrets:list'];

/**
 * For each provider: the claims for which the caller asked, in which the token therefore differs
 * from the documented example, and what the vault grants.
 */
const cases: Readonly<
  Record<keyof typeof providers, { readonly asked: Claims } & Pick<Principal, 'subject' | 'scopes'>>
> = {
  github: { asked: { aud: vault }, subject: 'github:74', scopes },
  google: {
    asked: {},
    subject: 'google:10769150350006150715113082367',
    scopes,
  },
  gitlab: {
    asked: { ref: 'main', ref_path: 'refs/heads/main', ref_protected: 'true' },
    subject: 'gitlab:20',
    scopes,
  },
  kubernetes: {
    asked: { aud: [vault] },
    subject: 'kubernetes:system:serviceaccount:my-namespace:my-serviceaccount',
    scopes,
  },
  cognito: {
    asked: { aud: undefined },
    subject: 'cognito:aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
    scopes,
  },
  entra: {
    asked: {},
    subject: 'entra:690222be-ff1a-4d56-abd1-7e4f7d38e474',
    scopes,
  },
  auth0: {
    asked: {
      aud: [vault, 'https://my-domain.auth0.com/userinfo'],
      permissions: ['read:bar', 'secrets:destroy', 'secrets:read'],
    },
    subject: 'auth0:auth0|123456',
    scopes,
  },
  aws: {
    asked: { aud: vault },
    subject: 'aws:arn:aws:iam::123456789012:role/DataProcessingRole',
    scopes,
  },
};

const principalOf = (algorithm: Provider['algorithm'], claims: Claims): Promise<Principal> => {
  const token = signToken({ alg: algorithm, typ: 'JWT' }, claims, keys[algorithm]);
  const headers = { authorization: [`Bearer ${token}`] };
  return authenticate({ headers }, 1_000 * Number(claims['iat']));
};

const refused = { code: 'unauthenticated', message: 'a valid bearer token is needed' };

/** Returns the claims with another value at a path of `match`. `undefined` removes the claim. */
const changed = (claims: Claims, path: string, value: unknown): Claims => {
  const [name = '', ...inner] = path.startsWith('/')
    ? path
        .slice(1)
        .split('/')
        .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
    : [path];
  const replace = (part: unknown, [key, ...others]: readonly string[]): unknown =>
    key === undefined
      ? value
      : { ...(part as Claims), [key]: replace((part as Claims)[key], others) };
  return { ...claims, [name]: replace(claims[name], inner) };
};

const matchOf = (issuer: IssuerPolicy | undefined): readonly string[] =>
  issuer && 'rules' in issuer ? issuer.rules.flatMap(({ match }) => Object.keys(match)) : [];

describe('docs/access/', () => {
  it('has one recipe for each provider, none of which causes a warning', () => {
    expect(issuers.map(({ id }) => id).sort()).toEqual(Object.keys(providers).sort());
    expect(recipes.flatMap(({ warnings }) => warnings)).toEqual([]);
  });
});

describe.each(Object.keys(providers) as (keyof typeof providers)[])('the recipe for %s', (id) => {
  const { algorithm, claimsOf } = providers[id];
  const { asked, subject, scopes } = cases[id];
  const claims = claimsOf(asked);
  const issuer = issuers.find((one) => one.id === id);
  const match = matchOf(issuer);

  it('grants what its rule says to the documented token', async () => {
    expect(await principalOf(algorithm, claims)).toEqual({
      issuer: id,
      rule: 1,
      tenant: 'acme',
      subject,
      scopes,
      names: ['app.*'],
      expires: 1_000 * Number(claims['exp']),
    });
  });

  it.each(match)(
    'refuses the token if its claim %s is missing or has another value',
    async (path) => {
      for (const value of [undefined, 'other', ['other'], true]) {
        await expect(principalOf(algorithm, changed(claims, path, value))).rejects.toMatchObject(
          refused,
        );
      }
    },
  );

  it('refuses the token if it is for another audience', async () => {
    const audienceClaim = issuer?.audienceClaim ?? 'aud';
    for (const audience of [undefined, 'https://other.example.com', []]) {
      await expect(
        principalOf(algorithm, { ...claims, [audienceClaim]: audience }),
      ).rejects.toMatchObject(refused);
    }
  });

  it('refuses the token if its issuer has an extra slash or lacks one', async () => {
    const iss = String(claims['iss']);
    const other = iss.endsWith('/') ? iss.slice(0, -1) : `${iss}/`;
    await expect(principalOf(algorithm, { ...claims, iss: other })).rejects.toMatchObject(refused);
  });
});
