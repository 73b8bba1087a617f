import { afterEach, describe, expect, it } from '@jest/globals';
import {
  applyEnvironment,
  environmentOf,
  isLocalIdentity,
  serveFunctions,
} from '../../../../local/gateway/functions.ts';
import { freshCertificates } from '../../../support/certificates.ts';

const keyArn = 'arn:aws:kms:us-east-1:000000000000:key/k';
const vaultId = 'vault-1';
const parts = { vaultId, keyArn, storeIsHere: true, jwks: '{"keys":[1]}' };
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
      AUTH_JWKS: '{"keys":[1]}',
      AUTH_JWKS_URL: undefined,
    });
  });

  it('keeps the settings of the user', () => {
    const given = { TABLE_NAME: 't', AWS_REGION: 'eu-west-1' };
    expect(environmentOf(given, parts)).toMatchObject(given);
    expect(environmentOf({ AWS_DEFAULT_REGION: 'eu-west-1' }, parts)['AWS_REGION']).toBe(
      'eu-west-1',
    );
  });

  it("leaves the user's own endpoints and access key alone", () => {
    const told = environmentOf({ MASTER_KEY_ID: 'k' }, elsewhere);
    expect(Object.keys(told).join(' ')).not.toMatch(/ENDPOINT|KEY|PROFILE|SESSION/);
  });

  it.each<[string, object, boolean]>([
    ['hides them if the store and the key are local', {}, false],
    ['keeps them for a store elsewhere', { storeIsHere: false }, true],
    ['keeps them for a key in a KMS', { keyArn: undefined }, true],
  ])('has credentials of the user: it %s', (_, more, isKept) => {
    const session = { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SESSION_TOKEN: 's', AWS_PROFILE: 'p' };
    const given = { ...session, MASTER_KEY_ID: 'k' };
    const told = { ...given, ...environmentOf(given, { ...parts, ...more }) };
    const hidden = { AWS_ACCESS_KEY_ID: 'unchecked', AWS_SESSION_TOKEN: undefined };
    expect(told).toMatchObject(isKept ? session : { ...hidden, AWS_PROFILE: undefined });
  });

  it('has a made-up access key for a store elsewhere if the user has none', () => {
    expect(environmentOf({}, { ...parts, storeIsHere: false })).toMatchObject({
      AWS_ACCESS_KEY_ID: 'unchecked',
    });
  });

  it("uses the identity settings of the user or the local issuer's, and never a mix", () => {
    expect(isLocalIdentity({})).toBe(true);
    expect(isLocalIdentity(identity)).toBe(false);
    const told = environmentOf(identity, parts);
    expect(Object.keys(told).filter((name) => name.startsWith('AUTH_'))).toEqual([]);
    const byFile = environmentOf({ AUTH_POLICY_FILE: 'access.yaml' }, parts);
    expect(Object.keys(byFile).filter((name) => name.startsWith('AUTH_'))).toEqual([]);
  });

  it.each([
    [{ AUTH_ISSUER: 'https://i' }, parts, 'not set: AUTH_AUDIENCE, AUTH_JWKS or AUTH_JWKS_URL'],
    [{ AUTH_JWKS: '{}' }, parts, 'not set: AUTH_ISSUER, AUTH_AUDIENCE'],
    [{ ...identity, AUTH_JWKS: '{}' }, parts, 'AUTH_JWKS and AUTH_JWKS_URL are both set; set one'],
    [{}, elsewhere, 'not set: MASTER_KEY_ID'],
    [
      { ...identity, AUTH_POLICY_FILE: 'access.yaml' },
      parts,
      'AUTH_POLICY_FILE and AUTH_ISSUER and AUTH_AUDIENCE and AUTH_JWKS_URL are set together; set one',
    ],
  ])('names the settings that are missing or too many: %j', (given, of, sentence) => {
    expect(() => environmentOf(given, of)).toThrow(`the functions cannot start: ${sentence}`);
  });
});

describe('the port of the functions', () => {
  const before = { ...process.env };
  afterEach(() => {
    process.env = before;
  });

  it.each([
    ['warns of HTTP', '0.0.0.0', false, 1],
    ['is silent over HTTPS', '0.0.0.0', true, 0],
    ['is silent on this machine', '127.0.0.1', false, 0],
  ])('%s: HOST=%s', async (_, host, hasTls, count) => {
    process.env = { ...before, HOST: host };
    applyEnvironment(environmentOf({}, parts));
    const reported: string[] = [];
    const report = (line: string) => void reported.push(line);
    const pair = hasTls ? await freshCertificates() : undefined;
    const { url, close } = await serveFunctions({ routes: [], port: 0, pair, report });
    await close();
    expect(url).toMatch(hasTls ? /^https:/ : /^http:/);
    const told = 'HOST is 0.0.0.0 without TLS: whoever is between a caller and this port can read';
    expect(reported).toEqual(Array(count).fill(expect.stringContaining(told)));
  });
});
