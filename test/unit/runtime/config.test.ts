import { afterEach, describe, expect, it } from '@jest/globals';
import {
  readIdentityConfig,
  readNodeStatusUrl,
  readServicesConfig,
} from '../../../functions/runtime/config.ts';

const identity = { AUTH_ISSUER: 'urn:i', AUTH_AUDIENCE: 'vault', AUTH_JWKS: '{"keys":[]}' };
const byUrl = { ...identity, AUTH_JWKS: undefined, AUTH_JWKS_URL: 'https://issuer.test/jwks' };

describe('readIdentityConfig', () => {
  it('accepts the keys themselves or their address', () => {
    expect(readIdentityConfig(identity)).toEqual({
      issuer: 'urn:i',
      audience: 'vault',
      keySet: { jwks: '{"keys":[]}' },
    });
    expect(readIdentityConfig(byUrl).keySet).toEqual({ url: 'https://issuer.test/jwks' });
    expect(readIdentityConfig({ ...byUrl, AUTH_JWKS: '' })).toEqual(readIdentityConfig(byUrl));
  });

  it.each(['AUTH_ISSUER', 'AUTH_AUDIENCE'])('requires %s', (name) => {
    for (const value of [undefined, '']) {
      for (const environment of [identity, byUrl]) {
        expect(() => readIdentityConfig({ ...environment, [name]: value })).toThrow(
          new Error(`not set: ${name}`),
        );
      }
    }
  });

  it('requires the keys or their address', () => {
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

  it('rejects keys together with an address', () => {
    expect(() => readIdentityConfig({ ...byUrl, AUTH_JWKS: '{"keys":[]}' })).toThrow(
      'AUTH_JWKS and AUTH_JWKS_URL are both set',
    );
  });

  it.each(['http://issuer.test/jwks', 'file:///etc/jwks', '//issuer.test', 'https:/issuer.test'])(
    'rejects the address %s',
    (url) => {
      expect(() => readIdentityConfig({ ...byUrl, AUTH_JWKS_URL: url })).toThrow(
        'AUTH_JWKS_URL must begin with https://',
      );
    },
  );
});

describe('readServicesConfig', () => {
  const services = { VAULT_ID: 'v-1', TABLE_NAME: 't', MASTER_KEY_ID: 'k' };

  it('reads the id of the vault, the table and the master key', () => {
    expect(readServicesConfig(services)).toEqual({
      vaultId: 'v-1',
      tableName: 't',
      masterKeyId: 'k',
    });
  });

  it.each([
    [{ ...services, VAULT_ID: undefined }, 'VAULT_ID'],
    [{ ...services, VAULT_ID: '' }, 'VAULT_ID'],
    [{ ...services, TABLE_NAME: undefined }, 'TABLE_NAME'],
    [{ ...services, TABLE_NAME: '' }, 'TABLE_NAME'],
    [{ ...services, MASTER_KEY_ID: undefined }, 'MASTER_KEY_ID'],
    [{ ...services, MASTER_KEY_ID: '' }, 'MASTER_KEY_ID'],
    [{}, 'VAULT_ID, TABLE_NAME, MASTER_KEY_ID'],
  ])('requires all three: %j', (environment, names) => {
    expect(() => readServicesConfig(environment)).toThrow(new Error(`not set: ${names}`));
  });

  it.each(['a', 'Z9-', 'x'.repeat(64)])('accepts the vault id %s', (id) => {
    expect(readServicesConfig({ ...services, VAULT_ID: id }).vaultId).toBe(id);
  });

  it.each(['x'.repeat(65), 'a b', 'a_b', 'a:b', 'é', 'a\n', '-\0'])(
    'rejects the vault id %j, and says what is allowed',
    (id) => {
      expect(() => readServicesConfig({ ...services, VAULT_ID: id })).toThrow(
        new Error('VAULT_ID must be 1 to 64 characters of A-Z, a-z, 0-9 and "-"'),
      );
    },
  );
});

describe('readNodeStatusUrl', () => {
  it('returns the address if it is set', () => {
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

  it('comes from the process if no other is given', () => {
    const services = { VAULT_ID: 'v', TABLE_NAME: 't', MASTER_KEY_ID: 'k' };
    process.env = { ...identity, ...services, VAULT_NODE_STATUS_URL: 'u' };
    expect(readIdentityConfig().issuer).toBe('urn:i');
    expect(readServicesConfig().tableName).toBe('t');
    expect(readNodeStatusUrl()).toBe('u');
  });
});
