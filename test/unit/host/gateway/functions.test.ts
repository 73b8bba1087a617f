import { afterEach, describe, expect, it } from '@jest/globals';
import {
  applyEnvironment,
  environmentOf,
  isLocalIdentity,
  serveFunctions,
} from '../../../../host/gateway/functions.ts';
import { freshCertificates } from '../../../support/certificates.ts';
import { ed25519, keySet, publicJwk } from '../../../support/issuer.ts';

const keyArn = 'arn:aws:kms:us-east-1:000000000000:key/k';
const vaultId = 'vault-1';
const jwks = keySet(publicJwk(ed25519()));
const parts = { vaultId, keyArn, storeIsHere: true, jwks };
const elsewhere = { vaultId, storeIsHere: false, jwks: parts.jwks };
const identity = { AUTH_ISSUER: 'https://i', AUTH_AUDIENCE: 'a', AUTH_JWKS_URL: 'https://i/keys' };

describe('the environment of the functions', () => {
  it('defaults to the local services', () => {
    expect(environmentOf({}, parts)).toEqual({
      VAULT_ID: vaultId,
      TABLE_NAME: 'vault',
      AWS_REGION: 'us-east-1',
      MASTER_KEY_ID: keyArn,
      AWS_ACCESS_KEY_ID: 'unchecked',
      AWS_SECRET_ACCESS_KEY: 'unchecked',
      AWS_SESSION_TOKEN: undefined,
      AWS_PROFILE: undefined,
      AUTH_ISSUER: 'urn:vault:local',
      AUTH_AUDIENCE: 'vault',
      AUTH_JWKS: jwks,
      AUTH_JWKS_URL: undefined,
    });
  });

  it('keeps the table name and the region that the user set', () => {
    const given = { TABLE_NAME: 't', AWS_REGION: 'eu-west-1' };
    expect(environmentOf(given, parts)).toMatchObject(given);
    expect(environmentOf({ AWS_DEFAULT_REGION: 'eu-west-1' }, parts)['AWS_REGION']).toBe(
      'eu-west-1',
    );
  });

  it('leaves endpoints, keys and profile to the user if the store and the master key are elsewhere', () => {
    const told = environmentOf({ MASTER_KEY_ID: 'k' }, elsewhere);
    expect(Object.keys(told).join(' ')).not.toMatch(/ENDPOINT|KEY|PROFILE|SESSION/);
  });

  it.each<[string, object, boolean]>([
    ['hides the credentials of the user if the store and the key are local', {}, false],
    ['keeps the credentials of the user for a remote store', { storeIsHere: false }, true],
    ['keeps the credentials of the user for a key in a KMS', { keyArn: undefined }, true],
  ])('%s', (_, more, isKept) => {
    const session = { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SESSION_TOKEN: 's', AWS_PROFILE: 'p' };
    const given = { ...session, MASTER_KEY_ID: 'k' };
    const told = { ...given, ...environmentOf(given, { ...parts, ...more }) };
    const hidden = { AWS_ACCESS_KEY_ID: 'unchecked', AWS_SESSION_TOKEN: undefined };
    expect(told).toMatchObject(isKept ? session : { ...hidden, AWS_PROFILE: undefined });
  });

  it('has a made-up access key for a remote store if the user has none', () => {
    expect(environmentOf({}, { ...parts, storeIsHere: false })).toMatchObject({
      AWS_ACCESS_KEY_ID: 'unchecked',
    });
  });

  it('has no settings of the local issuer if the user has set an identity', () => {
    expect(isLocalIdentity({})).toBe(true);
    expect(isLocalIdentity(identity)).toBe(false);
    const told = environmentOf(identity, parts);
    expect(Object.keys(told).filter((name) => name.startsWith('AUTH_'))).toEqual([]);
    const byFile = environmentOf({ AUTH_POLICY_FILE: 'access.yaml' }, parts);
    expect(Object.keys(byFile).filter((name) => name.startsWith('AUTH_'))).toEqual([]);
  });

  it.each([
    [
      { AUTH_ISSUER: 'https://i' },
      parts,
      'missing environment variables: AUTH_AUDIENCE, AUTH_JWKS or AUTH_JWKS_URL',
    ],
    [{ AUTH_JWKS: '{}' }, parts, 'missing environment variables: AUTH_ISSUER, AUTH_AUDIENCE'],
    [
      { ...identity, AUTH_JWKS: '{}' },
      parts,
      'AUTH_JWKS and AUTH_JWKS_URL are both set; set only one',
    ],
    [{}, elsewhere, 'missing environment variables: MASTER_KEY_ID'],
    [
      { ...identity, AUTH_POLICY_FILE: 'access.yaml' },
      parts,
      'AUTH_POLICY_FILE and AUTH_ISSUER and AUTH_AUDIENCE and AUTH_JWKS_URL are set together; set one',
    ],
  ])(
    'is refused with an error that names missing and conflicting settings: %j',
    (given, of, sentence) => {
      expect(() => environmentOf(given, of)).toThrow(`the functions cannot start: ${sentence}`);
    },
  );
});

describe('the port of the functions', () => {
  const before = { ...process.env };
  afterEach(() => {
    process.env = before;
  });

  it.each([
    ['causes a warning over HTTP', '0.0.0.0', false, 1],
    ['causes no warning over HTTPS', '0.0.0.0', true, 0],
    ['causes no warning over HTTP that stays on this machine', '127.0.0.1', false, 0],
  ])('%s: HOST=%s', async (_, host, hasTls, count) => {
    process.env = { ...before, HOST: host };
    applyEnvironment(environmentOf({}, parts));
    const reported: string[] = [];
    const report = (line: string) => void reported.push(line);
    const pair = hasTls ? await freshCertificates() : undefined;
    const { url, close } = await serveFunctions({ port: 0, pair, report });
    await close();
    expect(url).toMatch(hasTls ? /^https:/ : /^http:/);
    const told = 'HOST is 0.0.0.0 without TLS: whoever is between a caller and this port can read';
    expect(reported).toEqual(Array(count).fill(expect.stringContaining(told)));
  });
});
