import { describe, expect, it } from '@jest/globals';
import { issuerIn } from '../../../functions/access/issuer-variables.ts';

const identity = { AUTH_ISSUER: 'urn:i', AUTH_AUDIENCE: 'vault', AUTH_JWKS: '{"keys":[]}' };
const byUrl = { ...identity, AUTH_JWKS: undefined, AUTH_JWKS_URL: 'https://issuer.test/jwks' };

describe('issuerIn', () => {
  it('accepts a key set, or the address of one', () => {
    const keySet = { jwks: '{"keys":[]}' };
    expect(issuerIn(identity)).toEqual({ issuer: 'urn:i', audience: 'vault', keySet });
    expect(issuerIn(byUrl).keySet).toEqual({ url: 'https://issuer.test/jwks' });
    expect(issuerIn({ ...byUrl, AUTH_JWKS: '' })).toEqual(issuerIn(byUrl));
  });

  const unset = { AUTH_JWKS: undefined, AUTH_JWKS_URL: undefined };
  it.each([
    [{ ...identity, AUTH_ISSUER: undefined }, 'AUTH_ISSUER'],
    [{ ...byUrl, AUTH_ISSUER: '' }, 'AUTH_ISSUER'],
    [{ ...identity, AUTH_AUDIENCE: '' }, 'AUTH_AUDIENCE'],
    [{ ...byUrl, AUTH_AUDIENCE: undefined }, 'AUTH_AUDIENCE'],
    [{ ...identity, ...unset }, 'AUTH_JWKS or AUTH_JWKS_URL'],
    [{ ...identity, AUTH_JWKS: '', AUTH_JWKS_URL: '' }, 'AUTH_JWKS or AUTH_JWKS_URL'],
    [{}, 'AUTH_ISSUER, AUTH_AUDIENCE, AUTH_JWKS or AUTH_JWKS_URL'],
  ])('names everything that is missing in %j: %s', (environment, names) => {
    expect(() => issuerIn(environment)).toThrow(
      new Error(`missing environment variables: ${names}`),
    );
  });

  it('rejects a key set together with an address', () => {
    const both = { ...byUrl, AUTH_JWKS: '{"keys":[]}' };
    expect(() => issuerIn(both)).toThrow('AUTH_JWKS and AUTH_JWKS_URL are both set');
  });

  it.each(['http://issuer.test/jwks', 'file:///etc/jwks', '//issuer.test', 'https:/issuer.test'])(
    'rejects the address %s for the key set',
    (url) => {
      const read = () => issuerIn({ ...byUrl, AUTH_JWKS_URL: url });
      expect(read).toThrow('AUTH_JWKS_URL must begin with https://');
    },
  );
});
