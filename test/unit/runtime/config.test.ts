import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  readCommit,
  readIdentity,
  readIdentityConfig,
  readServicesConfig,
} from '../../../functions/runtime/config.ts';
import { freshFolder } from '../../support/local-process.ts';

const identity = { AUTH_ISSUER: 'urn:i', AUTH_AUDIENCE: 'vault', AUTH_JWKS: '{"keys":[]}' };
const byUrl = { ...identity, AUTH_JWKS: undefined, AUTH_JWKS_URL: 'https://issuer.test/jwks' };

describe('readIdentityConfig', () => {
  it('accepts a key set, or the address of one', () => {
    const keySet = { jwks: '{"keys":[]}' };
    expect(readIdentityConfig(identity)).toEqual({ issuer: 'urn:i', audience: 'vault', keySet });
    expect(readIdentityConfig(byUrl).keySet).toEqual({ url: 'https://issuer.test/jwks' });
    expect(readIdentityConfig({ ...byUrl, AUTH_JWKS: '' })).toEqual(readIdentityConfig(byUrl));
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
    expect(() => readIdentityConfig(environment)).toThrow(
      new Error(`missing environment variables: ${names}`),
    );
  });

  it('rejects a key set together with an address', () => {
    const both = { ...byUrl, AUTH_JWKS: '{"keys":[]}' };
    expect(() => readIdentityConfig(both)).toThrow('AUTH_JWKS and AUTH_JWKS_URL are both set');
  });

  it.each(['http://issuer.test/jwks', 'file:///etc/jwks', '//issuer.test', 'https:/issuer.test'])(
    'rejects the address %s for the key set',
    (url) => {
      const read = () => readIdentityConfig({ ...byUrl, AUTH_JWKS_URL: url });
      expect(read).toThrow('AUTH_JWKS_URL must begin with https://');
    },
  );
});

describe('readIdentity', () => {
  const folder = freshFolder();
  const policy = { issuers: [] };
  const bundled = { LAMBDA_TASK_ROOT: folder };
  afterEach(() => rmSync(join(folder, 'access-policy.json'), { force: true }));

  it('returns the policy next to the function, or else the issuer in environment variables', () => {
    const variables = readIdentityConfig(identity);
    expect(readIdentity({ ...identity, ...bundled })).toEqual(variables);
    expect(readIdentity(identity)).toEqual(variables);
    writeFileSync(join(folder, 'access-policy.json'), JSON.stringify(policy));
    const empty = { AUTH_ISSUER: '', AUTH_AUDIENCE: '', AUTH_JWKS: '', AUTH_JWKS_URL: '' };
    expect(readIdentity({ ...empty, ...bundled })).toEqual(policy);
  });

  it('names variables that conflict with a policy, and variables that are missing without one', () => {
    expect(() => readIdentity({ ...bundled, AUTH_JWKS: '{}' })).toThrow(
      'missing environment variables: AUTH_ISSUER',
    );
    expect(() => readIdentity({ ...bundled, AUTH_ISSUER: '' })).toThrow(
      'no access policy: deploy access-policy.json, or set AUTH_ISSUER, AUTH_AUDIENCE, and AUTH_JWKS or AUTH_JWKS_URL',
    );
    writeFileSync(join(folder, 'access-policy.json'), JSON.stringify(policy));
    expect(() => readIdentity({ ...bundled, AUTH_JWKS: '{}' })).toThrow(
      new Error('access-policy.json is deployed, so AUTH_JWKS must not be set too'),
    );
  });

  it('throws if the policy is not valid JSON', () => {
    writeFileSync(join(folder, 'access-policy.json'), '{');
    expect(() => readIdentity(bundled)).toThrow(SyntaxError);
  });
});

describe('readCommit', () => {
  const commit = 'a1'.repeat(20);

  it('returns the commit, or null if none is set', () => {
    expect(readCommit({ VAULT_COMMIT: commit })).toBe(commit);
    expect([{}, { VAULT_COMMIT: '' }].map(readCommit)).toEqual([null, null]);
  });

  it.each(['main', commit.slice(1), `${commit}0`, commit.toUpperCase(), `${commit}\n`])(
    'refuses %j, which is not a whole commit',
    (text) => {
      expect(() => readCommit({ VAULT_COMMIT: text })).toThrow(
        new Error('VAULT_COMMIT must be 40 hexadecimal digits, as git rev-parse HEAD prints them'),
      );
    },
  );
});

describe('readServicesConfig', () => {
  const services = { VAULT_ID: 'v-1', TABLE_NAME: 't', MASTER_KEY_ID: 'k' };

  it('reads the id of the vault, the table and the master key', () => {
    const read = { vaultId: 'v-1', tableName: 't', masterKeyId: 'k' };
    expect(readServicesConfig(services)).toEqual(read);
  });

  it.each([
    [{ ...services, VAULT_ID: undefined }, 'VAULT_ID'],
    [{ ...services, VAULT_ID: '' }, 'VAULT_ID'],
    [{ ...services, TABLE_NAME: undefined }, 'TABLE_NAME'],
    [{ ...services, TABLE_NAME: '' }, 'TABLE_NAME'],
    [{ ...services, MASTER_KEY_ID: undefined }, 'MASTER_KEY_ID'],
    [{ ...services, MASTER_KEY_ID: '' }, 'MASTER_KEY_ID'],
    [{}, 'VAULT_ID, TABLE_NAME, MASTER_KEY_ID'],
  ])('requires the id of the vault, the table and the master key: %j', (environment, names) => {
    expect(() => readServicesConfig(environment)).toThrow(
      new Error(`missing environment variables: ${names}`),
    );
  });

  it.each(['a', 'Z9-', 'x'.repeat(64)])('accepts the vault id %s', (id) => {
    expect(readServicesConfig({ ...services, VAULT_ID: id }).vaultId).toBe(id);
  });

  it.each(['x'.repeat(65), 'a b', 'a_b', 'a:b', 'é', 'a\n', '-\0'])(
    'rejects the vault id %j, and says which ones are allowed',
    (id) => {
      expect(() => readServicesConfig({ ...services, VAULT_ID: id })).toThrow(
        new Error('VAULT_ID must be 1 to 64 letters, digits or "-"'),
      );
    },
  );
});

describe('the environment that is read', () => {
  const kept = { ...process.env };
  afterEach(() => {
    process.env = kept;
  });

  it('is that of the process unless another is given', () => {
    const services = { VAULT_ID: 'v', TABLE_NAME: 't', MASTER_KEY_ID: 'k' };
    process.env = { ...identity, ...services };
    expect(readIdentityConfig().issuer).toBe('urn:i');
    expect(readServicesConfig().tableName).toBe('t');
  });
});
