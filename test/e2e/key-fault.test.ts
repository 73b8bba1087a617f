/**
 * While the master key cannot be used, requests that need it all get the same answer and store
 * nothing. Afterwards every value can be read again.
 */
import { beforeAll, expect, it } from '@jest/globals';
import { runLocal } from '../support/local-process.ts';
import { describeLocal, freshName, useVault } from '../support/running-vault.ts';
import { untilSeen } from '../support/until.ts';

const vault = useVault();
const name = freshName('KEPT');
const free = freshName('FREE');

const perMachine =
  'this affects only this machine: a copy of the file on another machine keeps its state';
const key = async (action: string): Promise<readonly string[]> => {
  const command = runLocal('key', [action], { VAULT_DATA_DIR: vault.dataDir });
  expect([await command.exit, command.errors]).toEqual([
    0,
    action === 'status' ? [] : [perMachine],
  ]);
  return command.output;
};

beforeAll(async () => {
  await vault.ask('POST', '/v1/secrets', { name, value: 'one' });
  await vault.ask('PUT', `/v1/secrets/${name}`, { value: 'two' });
  await key('disable');
});

// The tests build on each other: the key is disabled before the first one, and the last one enables
// it.
describeLocal('with the master key disabled', () => {
  // Shows G9.
  it.each([
    ['GET', `/v1/secrets/${name}`],
    ['GET', `/v1/secrets/${name}?version=1`],
    ['GET', `/v1/secrets/${name}/versions?include=values`],
    ['POST', '/v1/env/expand', { content: `A=secret(${name})` }],
    ['POST', '/v1/secrets', { name: free, value: 'v' }],
    ['PUT', `/v1/secrets/${name}`, { value: 'three' }],
    ['POST', '/v1/env', { content: `${free}=v\nB=enc(${free})` }],
    ['POST', '/v1/env/encrypt', { content: `${free}=v\nB=enc(${free})` }],
  ])(
    '%s %s answers 503 master_key_unavailable every time',
    async (method, path, body = undefined) => {
      const expected = { status: 503, json: { code: 'master_key_unavailable', retryable: false } };
      for (const _ of [1, 2]) expect(await vault.ask(method, path, body)).toMatchObject(expected);
    },
  );

  // Shows G9.
  it('missing secrets are still answered with 404, and requests without values still succeed', async () => {
    expect((await vault.ask('GET', `/v1/secrets/${free}`)).status).toBe(404);
    const tooEarly = `/v1/secrets/${name}?at=2020-01-01T00:00:00Z`;
    expect((await vault.ask('GET', tooEarly)).status).toBe(404);
    expect((await vault.ask('PUT', `/v1/secrets/${free}`, { value: 'v' })).status).toBe(404);
    const missing = { content: `A=secret(${name})\nB=secret(${free})` };
    expect((await vault.ask('POST', '/v1/env/expand', missing)).status).toBe(404);
    expect((await vault.ask('GET', `/v1/secrets/${name}/versions`)).json.versions).toHaveLength(2);
    expect((await vault.ask('GET', '/v1/secrets')).json.names).toContain(name);
    // The vault must still count as ready for a proxy, so that callers get the reason.
    for (const path of ['/health', '/health?ready']) {
      expect((await vault.ask('GET', path)).status).toBe(200);
    }
  });

  it('the log names the fault, the secret and the request', async () => {
    const reply = await vault.ask('GET', `/v1/secrets/${name}`);
    const requestId = reply.headers.get('x-request-id') ?? '';
    const linesOf = () => vault.lines().filter((line) => line.includes(requestId));
    const logged = await untilSeen(linesOf, ({ length }) => length >= 2);
    const [decision, request] = logged.map((line) => JSON.parse(line));
    expect(decision).toMatchObject({ level: 'WARN', decision: 'key_fault' });
    expect(request).toMatchObject({
      level: 'ERROR',
      operation: 'get-secret',
      secret: name,
      outcome: 'failed',
      code: 'master_key_unavailable',
      cause: 'DisabledException',
    });
  });

  // Shows G9.
  it('the status is degraded and host/bin/key.ts says why', async () => {
    // The status is cached for a second, and a slow store counts as unreachable.
    const status = await untilSeen(
      () => vault.ask('GET', '/v1/status'),
      ({ status, text }) => status === 503 && text.includes('"store":{"reachable":true'),
      10_000,
    );
    expect(status).toMatchObject({
      status: 503,
      json: { status: 'degraded', store: { reachable: true }, masterKey: { reachable: false } },
    });
    expect((await key('status')).join('\n')).toMatch(/disabled/i);
  });

  it('explain says that the key is unusable, and succeeds', async () => {
    const { status, json } = await vault.ask('GET', `/v1/secrets/${name}/explain`);
    expect(status).toBe(200);
    expect(json).toMatchObject({
      ...{ exists: true, current: { version: 2 } },
      masterKey: { state: 'unusable', id: null, sealedCurrent: null },
    });
  });

  it('enabling the key brings the values back, and nothing was stored meanwhile', async () => {
    await key('enable');
    expect((await vault.ask('GET', `/v1/secrets/${name}`)).json).toMatchObject({
      version: 2,
      value: 'two',
    });
    expect((await vault.ask('GET', `/v1/secrets/${name}?version=1`)).json.value).toBe('one');
    expect((await vault.ask('GET', `/v1/secrets/${free}`)).status).toBe(404);
    expect((await vault.ask('POST', '/v1/secrets', { name: free, value: 'v' })).status).toBe(201);
  });
});
