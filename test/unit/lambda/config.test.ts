import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { issuerIn } from '../../../functions/access/issuer-variables.ts';
import {
  readCommit,
  readIdentity,
  readServiceName,
  readServicesConfig,
} from '../../../functions/lambda/config.ts';
import { freshFolder } from '../../support/local-process.ts';

const identity = { AUTH_ISSUER: 'urn:i', AUTH_AUDIENCE: 'vault', AUTH_JWKS: '{"keys":[]}' };

describe('readIdentity', () => {
  const folder = freshFolder();
  const policy = { issuers: [] };
  const bundled = { LAMBDA_TASK_ROOT: folder };
  afterEach(() => rmSync(join(folder, 'access-policy.json'), { force: true }));

  it('returns the policy next to the function, or else the issuer in environment variables', () => {
    const variables = issuerIn(identity);
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

  it('rejects a malformed id of the vault', () => {
    expect(() => readServicesConfig({ ...services, VAULT_ID: 'a b' })).toThrow(
      new Error('VAULT_ID must be 1 to 64 letters, digits or "-"'),
    );
  });
});

describe('readServiceName', () => {
  it('returns the name of the stack, or `vault` if none is set', () => {
    expect(readServiceName({ SERVICE_NAME: 'stack-1' })).toBe('stack-1');
    expect([{}, { SERVICE_NAME: '' }].map(readServiceName)).toEqual(['vault', 'vault']);
  });
});

describe('the environment that is read', () => {
  const kept = { ...process.env };
  afterEach(() => {
    process.env = kept;
  });

  it('is that of the process unless another is given', () => {
    const commit = 'a1'.repeat(20);
    const services = { VAULT_ID: 'v', TABLE_NAME: 't', MASTER_KEY_ID: 'k' };
    process.env = { ...identity, ...services, SERVICE_NAME: 'stack-1', VAULT_COMMIT: commit };
    expect(readIdentity()).toEqual(issuerIn(identity));
    expect(readServicesConfig().tableName).toBe('t');
    expect([readServiceName(), readCommit()]).toEqual(['stack-1', commit]);
  });
});
