import { afterEach, describe, expect, it } from '@jest/globals';
import {
  readIdentityConfig,
  readNodeStatusUrl,
  readServicesConfig,
} from '../../../functions/runtime/config.ts';

const identity = { AUTH_ISSUER: 'urn:i', AUTH_AUDIENCE: 'vault', AUTH_JWKS: '{"keys":[]}' };
const byUrl = { ...identity, AUTH_JWKS: undefined, AUTH_JWKS_URL: 'https://issuer.test/jwks' };

describe('who issues tokens', () => {
  it('is told with the keys themselves or with their address', () => {
    expect(readIdentityConfig(identity)).toEqual({
      issuer: 'urn:i',
      audience: 'vault',
      keySet: { jwks: '{"keys":[]}' },
    });
    expect(readIdentityConfig(byUrl).keySet).toEqual({ url: 'https://issuer.test/jwks' });
    expect(readIdentityConfig({ ...byUrl, AUTH_JWKS: '' })).toEqual(readIdentityConfig(byUrl));
  });

  it.each(['AUTH_ISSUER', 'AUTH_AUDIENCE'])('has no default for %s', (name) => {
    for (const value of [undefined, '']) {
      for (const environment of [identity, byUrl]) {
        expect(() => readIdentityConfig({ ...environment, [name]: value })).toThrow(
          new Error(`not set: ${name}`),
        );
      }
    }
  });

  it('needs the keys in one of two ways', () => {
    for (const value of [undefined, '']) {
      const neither = { ...identity, AUTH_JWKS: value, AUTH_JWKS_URL: value };
      expect(() => readIdentityConfig(neither)).toThrow(
        new Error('not set: AUTH_JWKS or AUTH_JWKS_URL'),
      );
    }
  });

  it('names everything that is missing at once', () => {
    expect(() => readIdentityConfig({})).toThrow(
      new Error('not set: AUTH_ISSUER, AUTH_AUDIENCE, AUTH_JWKS or AUTH_JWKS_URL'),
    );
  });

  it('is not told in both ways', () => {
    expect(() => readIdentityConfig({ ...byUrl, AUTH_JWKS: '{"keys":[]}' })).toThrow(
      'AUTH_JWKS and AUTH_JWKS_URL are both set',
    );
  });

  it.each(['http://issuer.test/jwks', 'file:///etc/jwks', '//issuer.test', 'https:/issuer.test'])(
    'is not fetched from %s',
    (url) => {
      expect(() => readIdentityConfig({ ...byUrl, AUTH_JWKS_URL: url })).toThrow(
        'AUTH_JWKS_URL must begin with https://',
      );
    },
  );
});

describe('the services', () => {
  it('are the table and the master key', () => {
    expect(readServicesConfig({ TABLE_NAME: 't', MASTER_KEY_ID: 'k' })).toEqual({
      tableName: 't',
      masterKeyId: 'k',
    });
  });

  it.each([
    [{ MASTER_KEY_ID: 'k' }, 'TABLE_NAME'],
    [{ MASTER_KEY_ID: 'k', TABLE_NAME: '' }, 'TABLE_NAME'],
    [{ TABLE_NAME: 't' }, 'MASTER_KEY_ID'],
    [{ TABLE_NAME: 't', MASTER_KEY_ID: '' }, 'MASTER_KEY_ID'],
    [{}, 'TABLE_NAME, MASTER_KEY_ID'],
  ])('have no default: %j', (environment, names) => {
    expect(() => readServicesConfig(environment)).toThrow(new Error(`not set: ${names}`));
  });
});

describe('the status of a vault node', () => {
  it('is read where its address is set', () => {
    expect(readNodeStatusUrl({ VAULT_NODE_STATUS_URL: 'http://127.0.0.1:1/' })).toBe(
      'http://127.0.0.1:1/',
    );
    expect(readNodeStatusUrl({ VAULT_NODE_STATUS_URL: '' })).toBeUndefined();
    expect(readNodeStatusUrl({})).toBeUndefined();
  });
});

describe('the environment', () => {
  const kept = { ...process.env };
  afterEach(() => {
    process.env = kept;
  });

  it('is that of the process where no other is given', () => {
    process.env = { ...identity, TABLE_NAME: 't', MASTER_KEY_ID: 'k', VAULT_NODE_STATUS_URL: 'u' };
    expect(readIdentityConfig().issuer).toBe('urn:i');
    expect(readServicesConfig().tableName).toBe('t');
    expect(readNodeStatusUrl()).toBe('u');
  });
});
