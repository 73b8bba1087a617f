import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createIdentity } from '../../../../functions/http/identity.ts';
import { machineClock } from '../../../../functions/runtime/clock.ts';
import { openIdentity, readIdentitySource } from '../../../../host/identity/open-identity.ts';
import { ed25519, keySet, publicJwk, signToken } from '../../../support/issuer.ts';
import { createKeptLog } from '../../../support/kept-log.ts';
import { freshFolder } from '../../../support/local-process.ts';

const [local, other] = [ed25519(), ed25519()];
const jwks = keySet(publicJwk(local));
const issuer = {
  AUTH_ISSUER: 'https://i.test',
  AUTH_AUDIENCE: 'a',
  AUTH_JWKS: keySet(publicJwk(other)),
};
const exp = Math.floor(Date.now() / 1_000) + 60;
const ofLocal = { iss: 'urn:vault:local', aud: 'vault', tenant: 't', sub: 's', exp };
const localToken = signToken({ alg: 'EdDSA' }, ofLocal, local);
const ofIssuer = { ...ofLocal, iss: 'https://i.test', aud: 'a' };
const issuersToken = signToken({ alg: 'EdDSA' }, ofIssuer, other);

const open = (environment: NodeJS.ProcessEnv) => {
  const identity = createIdentity(machineClock);
  const users = { identity, log: createKeptLog(), report: () => undefined };
  const { takesLocalTokens } = openIdentity(readIdentitySource(environment), jwks, users);
  const accepts = (token: string): Promise<boolean> =>
    identity.authenticate({ headers: { authorization: [`Bearer ${token}`] } }, Date.now()).then(
      () => true,
      () => false,
    );
  return { takesLocalTokens, accepts };
};

describe('a vault on a server', () => {
  it('accepts the tokens of npm run token, and no other, if no issuer is configured', async () => {
    const { takesLocalTokens, accepts } = open({});
    expect(takesLocalTokens).toBe(true);
    expect([await accepts(localToken), await accepts(issuersToken)]).toEqual([true, false]);
  });

  it('accepts only the tokens of the issuer in the variables', async () => {
    const { takesLocalTokens, accepts } = open(issuer);
    expect(takesLocalTokens).toBe(false);
    expect([await accepts(localToken), await accepts(issuersToken)]).toEqual([false, true]);
  });

  it.each([
    [
      { AUTH_ISSUER: 'https://i' },
      'missing environment variables: AUTH_AUDIENCE, AUTH_JWKS or AUTH_JWKS_URL',
    ],
    [{ AUTH_JWKS: '{}' }, 'missing environment variables: AUTH_ISSUER, AUTH_AUDIENCE'],
    [
      { ...issuer, AUTH_JWKS_URL: 'https://i/keys' },
      'AUTH_JWKS and AUTH_JWKS_URL are both set; set only one',
    ],
    [
      { ...issuer, AUTH_POLICY_FILE: 'access.yaml' },
      'AUTH_POLICY_FILE and AUTH_ISSUER and AUTH_AUDIENCE and AUTH_JWKS are set together; set one',
    ],
  ])(
    'is refused with an error that names what is missing or contradicts: %j',
    (given, sentence) => {
      const refusal = expect.objectContaining({ name: 'Failure', message: sentence });
      expect(() => readIdentitySource(given)).toThrow(refusal);
      expect(() => open(given)).toThrow(refusal);
    },
  );

  it('is refused if its key set or its policy file cannot be used', () => {
    const unusable = { ...issuer, AUTH_JWKS: '{"keys":[{"kty":"oct"}]}' };
    expect(() => readIdentitySource(unusable)).toThrow(
      expect.objectContaining({
        name: 'Failure',
        message: expect.stringMatching(/^AUTH_JWKS: the key set may contain only public keys/),
      }),
    );
    const file = join(freshFolder(), 'none.yaml');
    expect(() => open({ AUTH_POLICY_FILE: file })).toThrow(`${file} cannot be read (ENOENT)`);
  });
});
