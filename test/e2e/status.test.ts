/**
 * The health and the status of the service, `whoami`, the token command, and requests that reach no
 * function.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import manifest from '../../package.json' with { type: 'json' };
import { headCommit } from '../support/head.ts';
import { runLocal } from '../support/local-process.ts';
import { logged } from '../support/log-lines.ts';
import { describeLocal, itLocal, startVault, useVault } from '../support/running-vault.ts';
import { untilSeen } from '../support/until.ts';

const vault = useVault();

describe('get-health', () => {
  it('needs no token', async () => {
    expect(await vault.call('GET', '/health')).toMatchObject({
      status: 200,
      text: '{"status":"ok"}',
    });
  });
});

describe('get-status', () => {
  /** Asks until the status is ok: it is briefly degraded when a probe takes more than a second. */
  const untilOk = (token: string) =>
    untilSeen(
      () => vault.call('GET', '/v1/status', { token }),
      ({ status }) => status === 200,
    );

  it('answers 200 to any valid token while the store and the master key work', async () => {
    const { json } = await untilOk(vault.token({ scope: '' }));
    expect(json).toMatchObject({
      status: 'ok',
      store: { reachable: true },
      masterKey: { reachable: true, id: expect.any(String) },
    });
  });

  itLocal('names the version and the commit, from git or else from VAULT_COMMIT', async () => {
    const { version } = manifest;
    const { json } = await untilOk(vault.token({ scope: '' }));
    expect(json).toMatchObject({ version, commit: headCommit() });
    const withoutGit = { PATH: '/nowhere' };
    const commit = 'a1'.repeat(20);
    for (const [env, told] of [
      [{ VAULT_COMMIT: commit }, headCommit() ?? commit],
      [{ ...withoutGit, VAULT_COMMIT: commit }, commit],
      [withoutGit, null],
    ] as const) {
      const other = await startVault(env);
      try {
        const reply = await other.ask('GET', '/v1/status');
        expect(reply.json).toMatchObject({ version, commit: told });
      } finally {
        await other.stop();
      }
    }
  });

  it('names the master key by the same id as the list of versions', async () => {
    const name = 'ANY';
    await vault.ask('POST', '/v1/secrets', { name, value: 'v' });
    const { json } = await untilOk(vault.token());
    const versions = await vault.ask('GET', `/v1/secrets/${name}/versions`);
    expect(versions.json.versions?.[0]).toMatchObject({
      masterKeyId: (json as { masterKey?: { id: string } }).masterKey?.id,
    });
  });
});

describeLocal('get-openapi', () => {
  const path = '/openapi.yaml';
  const document = readFileSync('docs/openapi.yaml', 'utf8');

  it('needs no token, and answers with the document as YAML', async () => {
    const reply = await vault.call('GET', path);
    expect([reply.status, reply.text]).toEqual([200, document]);
    expect(reply.headers.get('content-type')).toBe('application/yaml');
    const refused = await vault.call('GET', path, { token: 'no.token.at-all' });
    expect([refused.status, refused.text]).toEqual([200, document]);
  });

  it('answers 304 to a caller who has the document already', async () => {
    const etag = (await vault.call('GET', path)).headers.get('etag') ?? '';
    for (const sent of [etag, `W/${etag}`, `"1", ${etag}`, '*']) {
      for (const method of ['GET', 'HEAD']) {
        const headers = { 'If-None-Match': sent };
        const { status, text, headers: got } = await vault.call(method, path, { headers });
        expect([status, text, got.get('etag')]).toEqual([304, '', etag]);
      }
    }
    for (const sent of ['"1"', 'no tag', '']) {
      const { status } = await vault.call('GET', path, { headers: { 'If-None-Match': sent } });
      expect([sent, status]).toEqual([sent, 200]);
    }
  });

  it('is logged without a caller, like get-health', async () => {
    const { request } = await logged(vault, await vault.call('GET', path));
    expect(request).toMatchObject({ operation: 'get-openapi', outcome: 'ok', status: 200 });
    expect(request).not.toHaveProperty('subject');
  });
});

describe('whoami', () => {
  it('answers any valid token with the tenant, subject, scopes, names and expiry that the vault reads from it', async () => {
    const exp = Math.floor(Date.now() / 1_000) + 60;
    const claims = { tenant: 'acme', sub: 'bob', names: ['A*', 'B'] };
    const token = vault.token({ ...claims, scope: '', exp });
    const { status, json } = await vault.call('GET', '/v1/whoami', { token });
    expect(status).toBe(200);
    expect(json).toEqual({
      issuer: expect.any(String),
      rule: null,
      ...{ tenant: 'acme', subject: 'bob', scopes: [], names: ['A*', 'B'] },
      expires: new Date(exp * 1_000).toISOString(),
    });
    const wide = vault.token({ names: undefined, scope: 'secrets:read other' });
    expect((await vault.call('GET', '/v1/whoami', { token: wide })).json).toMatchObject({
      scopes: ['secrets:read', 'secrets:list', 'other'],
      names: ['*'],
    });
  });
});

describe('npm run token', () => {
  it('makes a token for the running vault, whichever program serves it', async () => {
    const args = ['--tenant', 'demo', '--sub', 'you', '--json'];
    const { exit, output, errors } = runLocal('token', args, { VAULT_DATA_DIR: vault.dataDir });
    expect([await exit, errors]).toEqual([0, []]);
    const made = JSON.parse(output.join(''));
    expect(made.url).toBe(vault.baseUrl());
    const reply = await vault.call('GET', '/v1/secrets', { token: made.token });
    expect(reply).toMatchObject({ status: 200 });
  });
});

describeLocal('a path without a route', () => {
  it.each([
    '/',
    '/v1',
    '/v2/secrets',
    '/v1/secret',
    '/v1/secrets/A/versions/1/x',
    '/v1/env/decrypt',
    '/health/x',
  ])('%s answers 404 route_not_found, with and without a token', async (path) => {
    for (const call of [{}, { token: vault.token() }]) {
      const reply = await vault.call('GET', path, call);
      const detail =
        'no route has this path: the routes begin with /v1/, and docs/openapi.yaml has them';
      expect(reply).toMatchObject({ status: 404, json: { code: 'route_not_found', detail } });
    }
  });
});

describeLocal('a method that a path does not have', () => {
  it.each([
    ['POST', '/v1/secrets/A', 'DELETE, GET, HEAD, PUT'],
    ['PATCH', '/v1/secrets/A', 'DELETE, GET, HEAD, PUT'],
    ['DELETE', '/v1/secrets', 'GET, HEAD, POST'],
    ['DELETE', '/v1/secrets/A/versions', 'GET, HEAD'],
    ['GET', '/v1/secrets/A/versions/1', 'DELETE'],
    ['GET', '/v1/env', 'POST'],
    ['PUT', '/v1/env/expand', 'POST'],
    ['POST', '/v1/status', 'GET, HEAD'],
    ['POST', '/v1/whoami', 'GET, HEAD'],
    ['PUT', '/v1/secrets/A/explain', 'GET, HEAD'],
    ['POST', '/health', 'GET, HEAD'],
    ['POST', '/openapi.yaml', 'GET, HEAD'],
    ['OPTIONS', '/v1/secrets', 'GET, HEAD, POST'],
  ])('%s %s answers 405 and allows %s', async (method, path, allowed) => {
    const reply = await vault.ask(method, path);
    const detail = `the route takes only ${reply.headers.get('allow')}`;
    expect(reply).toMatchObject({ status: 405, json: { code: 'method_not_allowed', detail } });
    expect(reply.headers.get('allow')?.split(/, ?/).sort().join(', ')).toBe(allowed);
    expect(reply.headers.has('access-control-allow-origin')).toBe(false);
  });
});
