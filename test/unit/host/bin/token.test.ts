import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { openTokenKey, tokenKeyFile } from '../../../../host/identity/token-key.ts';
import { runningRecord } from '../../../../host/process/vault-records.ts';
import { freshFolder, runLocal } from '../../../support/local-process.ts';

let folder: string;

beforeEach(() => {
  folder = freshFolder();
});

const token = async (...args: readonly string[]) => {
  const { exit, output, errors } = runLocal('token', args, { VAULT_DATA_DIR: folder });
  return { code: await exit, output, errors };
};
const verify = async (jwt = '') => {
  const { jwks } = await openTokenKey(folder);
  const keys = createLocalJWKSet(JSON.parse(jwks));
  return (await jwtVerify(jwt, keys, { issuer: 'urn:vault:local', audience: 'vault' })).payload;
};

describe('npm run token', () => {
  it('makes a token for one hour, all names, and every scope of secrets except secrets:destroy, unless options say otherwise', async () => {
    const { output } = await token('--tenant', 'acme', '--sub', 'alice');
    const { iat = 0, exp = 0, ...claims } = await verify(output[0]);
    expect(exp - iat).toBe(3_600);
    expect(claims).toMatchObject({
      scope: 'secrets:read secrets:write secrets:delete secrets:explain',
    });
    expect(claims).not.toHaveProperty('names');
  });

  it('makes only one key when several runs make the first token at once, and gives each token its own jti, and the names and the lifetime that its run asked for', async () => {
    const asked = [
      ['--names', ''],
      ['--names', 'billing.*, DB_HOST'],
      ['--ttl', '90s'],
    ];
    const made = await Promise.all(
      asked.map((more) => token('--tenant', 'acme', '--sub', 'alice', ...more)),
    );
    const [none, some, short] = await Promise.all(made.map(({ output }) => verify(output[0])));
    expect(none).toMatchObject({ names: [], tenant: 'acme', sub: 'alice' });
    expect(some).toMatchObject({ names: ['billing.*', 'DB_HOST'] });
    expect((short?.exp ?? 0) - (short?.iat ?? 0)).toBe(90);
    expect(new Set([none?.jti, some?.jti, short?.jti, undefined]).size).toBe(4);
  });
});

describe('npm run token without token-key.json', () => {
  const running = { vaultId: 'v', tableName: '', masterKeyId: '', takesLocalTokens: true };
  const restart = 'Otherwise restart the vault; that makes a new key';
  it.each([
    [
      'a vault runs',
      'the vault on http://127.0.0.1:1',
      restart,
      () => {
        runningRecord.remember(folder, { ...running, url: 'http://127.0.0.1:1' });
      },
    ],
    [
      'the folder is that of init',
      'the nodes',
      'and copy cluster.json to all nodes; that makes a new key',
      () => {
        writeFileSync(join(folder, 'cluster.json'), '{}');
      },
    ],
  ])('makes no new key, whose tokens would be refused, if %s', async (_, who, next, prepare) => {
    prepare();
    const { code, output, errors } = await token('--tenant', 'a', '--sub', 'x');
    expect([code, output]).toEqual([1, []]);
    const missing = `${tokenKeyFile(folder)} is missing, and ${who} would refuse the tokens of a new key: put back a copy. `;
    expect(errors.join('\n')).toContain(missing);
    expect(errors.join('\n')).toContain(next);
    expect(existsSync(tokenKeyFile(folder))).toBe(false);
  });
});

describe('npm run token in the folder of a single node', () => {
  it('refuses to make a token that no node would accept, and makes no key', async () => {
    writeFileSync(join(folder, 'node.json'), '{}');
    const { code, output, errors } = await token('--tenant', 'a', '--sub', 'x');
    expect([code, output]).toEqual([1, []]);
    expect(errors).toEqual([
      expect.stringMatching(/ belongs to one node of a cluster, which signs no tokens: /),
    ]);
    expect(readdirSync(folder)).toEqual(['node.json']);
  });
});

describe('the local token key', () => {
  it('can be read by its owner only, and its public half is returned', async () => {
    const { jwks, issue } = await openTokenKey(folder);
    const file = join(folder, 'token-key.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const stored = JSON.parse(readFileSync(file, 'utf8'));
    const { d, ...pub } = stored;
    expect(JSON.parse(jwks)).toEqual({ keys: [{ ...pub, alg: 'EdDSA', use: 'sig' }] });
    const jwt = await issue({ tenant: 'a', sub: 'x', scope: '' }, 1);
    expect(decodeProtectedHeader(jwt)).toEqual({ alg: 'EdDSA', kid: stored.kid });
    expect((await openTokenKey(folder)).jwks).toBe(jwks);
  });

  it('is refused if its file is damaged, and the error does not quote the file', async () => {
    await openTokenKey(folder);
    const file = join(folder, 'token-key.json');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.slice(0, -3));
    await expect(openTokenKey(folder)).rejects.toThrow(
      new Error(`${file} is damaged: delete it, and tokens are signed with a new key from then on`),
    );
  });
});
