/** How `dsv` asks: settings, retries, keys, and the exit code of every kind of failure. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Dsv, openDsv } from '../support/dsv.ts';
import { type FaultyFront, type Plan, startFaultyFront } from '../support/faulty-front.ts';
import { runLocal } from '../support/local-process.ts';
import { freshName, type RunningVault, startVault } from '../support/running-vault.ts';
import type { Claims } from '../support/tokens.ts';

let vault: RunningVault;
let front: FaultyFront;
let dsv: Dsv;
beforeAll(async () => {
  vault = await startVault();
  front = await startFaultyFront(vault.baseUrl);
  dsv = openDsv({ DSV_ADDR: front.url, DSV_TOKEN: vault.token() });
});
afterAll(async () => {
  await front.close();
  await vault.stop();
});

const canary = 'c4n4ry';
const problem = (code: string, retryable: boolean) =>
  JSON.stringify({
    type: 'about:blank',
    title: code,
    status: 503,
    code,
    detail: 'told',
    requestId: 'r',
    retryable,
  });
const refuse = (status: number, code: string, retryable: boolean, headers = {}) => ({
  status,
  headers: { 'Content-Type': 'application/problem+json', ...headers },
  body: problem(code, retryable),
});
const versionsOf = async (name: string) => {
  const path = `/v1/secrets/${name}/versions`;
  return (await vault.call('GET', path, { token: vault.token() })).json.versions?.length;
};
const create = async (value = canary): Promise<string> => {
  const name = freshName();
  await vault.call('POST', '/v1/secrets', { token: vault.token(), body: { name, value } });
  return name;
};
const keys = () => front.seen().map(({ headers }) => headers['idempotency-key']);

describe('a write', () => {
  it('that was done though its answer was lost has one effect and succeeds', async () => {
    const name = freshName();
    front.plan('lose');
    expect(await dsv.run(['create', name], { input: canary })).toMatchObject({ code: 0 });
    front.plan('lose', 'lose');
    expect(await dsv.run(['update', name], { input: canary })).toMatchObject({ code: 0 });
    expect(await versionsOf(name)).toBe(2);
  });

  it('keeps one key over its tries, has another for the next, and tells it with --verbose', async () => {
    const name = await create();
    front.plan('drop', refuse(503, 'outcome_unknown', true));
    const first = await dsv.run(['update', name, '--verbose'], { input: canary });
    const used = keys();
    expect(used).toHaveLength(3);
    expect(new Set(used).size).toBe(1);
    expect(first.stderr).toContain(used[0]);
    await dsv.run(['update', name], { input: canary });
    expect(keys().at(-1)).not.toBe(used[0]);
  });

  it('whose outcome stays unknown tells the key, with which it is repeated without a second effect', async () => {
    const name = await create();
    front.plan('lose', 'drop');
    const lost = await dsv.run(['update', name, '--retries', '1'], { input: canary });
    expect(lost.code).toBe(7);
    const key = /--idempotency-key (\S+)/.exec(lost.stderr)?.[1] ?? '';
    const again = await dsv.run(['update', name, '--idempotency-key', key], { input: canary });
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('version 2') });
    expect(await versionsOf(name)).toBe(2);
    const other = ['update', name, '--idempotency-key', key];
    expect(await dsv.run(other, { input: `${canary}2` })).toMatchObject({ code: 4 });
  });
});

describe('the key of a write', () => {
  const toldAfter = async (...plans: readonly Plan[]): Promise<boolean> => {
    front.plan(...plans);
    const flags = ['--retries', String(plans.length - 1)];
    const { code, stderr } = await dsv.run(['create', freshName(), ...flags], { input: canary });
    expect(code).not.toBe(0);
    return stderr.includes(`--idempotency-key ${keys()[0]}`);
  };

  it('is told of every answer that does not say that nothing was done', async () => {
    expect(await toldAfter({ status: 201, body: '{' })).toBe(true);
    expect(await toldAfter({ status: 201, body: '{}' })).toBe(true);
    expect(await toldAfter({ status: 408, body: 'slow' })).toBe(true);
    expect(await toldAfter(refuse(500, 'internal', false))).toBe(true);
    expect(await toldAfter('drop', refuse(401, 'unauthenticated', false))).toBe(true);
    expect(await toldAfter(refuse(401, 'unauthenticated', false))).toBe(false);
  });
});

describe('a request', () => {
  it('is repeated if that may help, as often as it is told, and not otherwise', async () => {
    const name = await create();
    front.plan(refuse(503, 'store_unavailable', true), { status: 502, body: canary }, 'drop');
    expect(await dsv.run(['get', name])).toMatchObject({ code: 0, stdout: canary });
    front.plan(refuse(408, 'request_timeout', true), { status: 408, body: canary });
    expect(await dsv.run(['get', name])).toMatchObject({ code: 0, stdout: canary });
    front.plan('drop', 'drop', 'drop');
    expect(await dsv.run(['get', name, '--retries', '2'])).toMatchObject({ code: 7 });
    expect(front.seen()).toHaveLength(3);
    front.plan(refuse(503, 'master_key_unavailable', false));
    expect(await dsv.run(['get', name])).toMatchObject({ code: 8 });
    expect(front.seen()).toHaveLength(1);
  });

  it('waits as long as the server asks, but not for minutes', async () => {
    const name = await create();
    front.plan(refuse(429, 'throttled', true, { 'Retry-After': '2' }));
    expect(await dsv.run(['get', name])).toMatchObject({ code: 0 });
    const [first, second] = front.seen();
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1_990);
    front.plan(refuse(429, 'throttled', true, { 'Retry-After': '600' }));
    expect(await dsv.run(['get', name])).toMatchObject({ code: 7 });
    expect(front.seen()).toHaveLength(1);
  });

  it('waits no time that is less than none', async () => {
    const name = await create();
    front.plan(refuse(429, 'throttled', true, { 'Retry-After': '-5' }));
    const { code, stderr } = await dsv.run(['get', name]);
    expect([code, stderr.trimEnd().split('\n')]).toEqual([0, [expect.stringContaining('told')]]);
  });

  it('says once on stderr that it is sent again, and says it to no program', async () => {
    const name = await create();
    const nowhere = ['--addr', 'http://127.0.0.1:9', '--retries', '2'];
    const reason =
      /^dsv: cannot reach http:\/\/127.0.0.1:9 \(.*\); dsv tries again, up to 2 times\n/;
    const lost = await dsv.run(['list', ...nowhere]);
    expect(lost).toMatchObject({ code: 7, stderr: expect.stringMatching(reason) });
    expect(lost.stderr.match(/tries again/g)).toHaveLength(1);
    front.plan('drop', 'drop');
    const found = await dsv.run(['get', name]);
    expect(found).toMatchObject({ code: 0, stdout: canary });
    expect(found.stderr.match(/tries again/g)).toHaveLength(1);
    const json = await dsv.run(['list', ...nowhere, '--json']);
    expect(JSON.parse(json.stderr)).toMatchObject({ code: 'unreachable' });
  });

  it('is given up after the time it may take', async () => {
    front.plan('hang');
    const ran = await dsv.run(['list', '--timeout', '0.3', '--retries', '0']);
    expect(ran).toMatchObject({ code: 7, stderr: expect.stringContaining('within 0.3 s') });
  });

  it('follows no redirect, which would take the token elsewhere', async () => {
    front.plan({ status: 307, headers: { Location: `${vault.baseUrl()}/v1/secrets` } });
    expect(await dsv.run(['list'])).toMatchObject({ code: 1 });
  });

  it("repeats nothing of an answer that is not a vault's", async () => {
    for (const status of [200, 404, 500]) {
      front.plan({ status, body: canary });
      const ran = await dsv.run(['list', '--retries', '0']);
      expect(ran.code).toBe(status === 500 ? 7 : 1);
    }
  });

  it('is printed with --curl, without token or value, and not sent', async () => {
    const [name, token] = [freshName(), vault.token()];
    front.plan();
    const printed = await dsv.run(['create', name, '--curl'], {
      input: canary,
      env: { DSV_TOKEN: token },
    });
    expect(printed.code).toBe(0);
    expect(printed.stdout).toMatch(/^curl -X POST/);
    expect(printed.stdout).toMatch(/Idempotency-Key: [\w-]{36}/);
    for (const secret of [canary, Buffer.from(canary).toString('base64'), token]) {
      expect(printed.stdout + printed.stderr).not.toContain(secret);
    }
    await dsv.run(['env', 'expand', '-', '--curl'], { input: `A=${canary}` });
    expect(front.seen()).toHaveLength(0);
  });
});

describe('settings', () => {
  const none = { DSV_ADDR: '', DSV_TOKEN: '' };
  const keep = (profile: string, content: object, mode = 0o600) => {
    const folder = join(dsv.folder, '.config', 'dsv');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${profile}.json`), JSON.stringify(content), { mode });
  };

  it('are taken from flags, else from the environment, else from the profile', async () => {
    const token = vault.token();
    const nowhere = 'http://127.0.0.1:9';
    const file = join(dsv.folder, 'token');
    writeFileSync(file, `${token}\n`);
    keep('kept', { addr: vault.baseUrl(), token, retries: '0' });
    keep('lost', { addr: nowhere, token: 'a.b.c', retries: '0' });
    const code = async (args: readonly string[], env: NodeJS.ProcessEnv) =>
      (await dsv.run(['list', ...args], { env: { ...none, ...env } })).code;
    expect(await code([], { DSV_PROFILE: 'kept' })).toBe(0);
    expect(await code([], { DSV_PROFILE: 'lost' })).toBe(7);
    expect(await code(['--profile', 'kept'], { DSV_PROFILE: 'lost' })).toBe(0);
    expect(await code([], { DSV_PROFILE: 'kept', DSV_ADDR: nowhere })).toBe(7);
    expect(await code([], { DSV_PROFILE: 'lost', DSV_ADDR: vault.baseUrl() })).toBe(5);
    expect(
      await code(['--addr', vault.baseUrl()], {
        DSV_PROFILE: 'lost',
        DSV_ADDR: nowhere,
        DSV_TOKEN: token,
      }),
    ).toBe(0);
    expect(
      await code([], { DSV_PROFILE: 'lost', DSV_ADDR: vault.baseUrl(), DSV_TOKEN_FILE: file }),
    ).toBe(0);
    expect(
      await code(['--token-file', file], { DSV_ADDR: vault.baseUrl(), DSV_TOKEN: 'a.b.c' }),
    ).toBe(0);
  });

  it('are refused, and not repeated, if they are none', async () => {
    const bad: readonly (readonly [number, NodeJS.ProcessEnv])[] = [
      [2, { DSV_ADDR: `http://user:${canary}@127.0.0.1` }],
      [2, { DSV_ADDR: `ftp://${canary}` }],
      [2, { DSV_TIMEOUT: canary }],
      [2, { DSV_RETRIES: canary }],
      [2, { DSV_PROFILE: `../${canary}` }],
      [5, { DSV_TOKEN: `${canary}\n${canary}` }],
      [5, { DSV_TOKEN: '' }],
      [5, { DSV_TOKEN: '', DSV_TOKEN_FILE: '/nowhere' }],
    ];
    for (const [code, env] of bad) expect((await dsv.run(['list'], { env })).code).toBe(code);
  });

  it('of a profile that others may read are not used', async () => {
    keep('open', { addr: vault.baseUrl(), token: vault.token() }, 0o644);
    const ran = await dsv.run(['list', '--profile', 'open'], { env: none });
    expect(ran).toMatchObject({ code: 5, stderr: expect.stringContaining('chmod 600') });
  });
});

describe('the exit code', () => {
  it('tells a token that is refused, or lacks a scope, as 5', async () => {
    const name = await create();
    const env = (claims: Claims) => ({ DSV_TOKEN: vault.token(claims) });
    expect(await dsv.run(['get', name], { env: env({ exp: 1 }) })).toMatchObject({ code: 5 });
    expect(await dsv.run(['get', name], { env: env({ scope: 'secrets:write' }) })).toMatchObject({
      code: 5,
    });
    const aside = env({ names: ['OTHER'] });
    expect(await dsv.run(['create', freshName()], { input: 'x', env: aside })).toMatchObject({
      code: 5,
    });
  });

  it('tells that the version is another as 9, and which is current', async () => {
    const name = await create();
    const ran = await dsv.run(['update', name, '--if-version', '7'], { input: canary });
    expect(ran).toMatchObject({ code: 9, stderr: expect.stringContaining('current version 1') });
  });

  it('tells a value that is too large as 6', async () => {
    const input = 'x'.repeat(65_537);
    const ran = await dsv.run(['create', freshName()], { input });
    expect(ran).toMatchObject({ code: 6, stderr: expect.stringContaining('65536') });
  });

  it('tells a command line that is wrong as 2, and repeats nothing of it', async () => {
    const typed = 'typ3d';
    const lines = [
      ['create', freshName(), typed],
      ['create', freshName(), `--vlaue=${typed}`],
      ['create', freshName(), `-p${typed}`],
      ['get', freshName(), '--version'],
      ['get'],
      [typed],
      ['env', typed],
      ['env', 'lint', '-', '--for', typed],
      ['completion', typed],
      ['rollback', freshName()],
      [],
    ];
    for (const line of lines) {
      const { code, stderr, stdout } = await dsv.run(line);
      expect([line, code, stdout]).toEqual([line, 2, '']);
      expect(stderr).not.toContain(typed);
    }
  });

  it.each([
    ['delete', 'no secret can be deleted; dsv update replaces its value'],
    ['rm', 'no secret can be deleted; dsv update replaces its value'],
    ['set', 'dsv create stores a new secret, dsv update its next version'],
    ['ls', 'dsv list prints the names'],
  ])(
    'tells %s, which is no command, as 2, and stderr says what there is instead',
    async (word, say) => {
      const ran = await dsv.run([word, freshName()]);
      expect(ran).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(say) });
    },
  );

  it('tells an --at that is no instant as 2, and stderr names the flag', async () => {
    for (const command of [
      ['get', 'A'],
      ['env', 'expand', '-'],
      ['env', 'expand', '-', '--pin'],
    ]) {
      const ran = await dsv.run([...command, '--at', 'yesterday'], { input: 'A=1' });
      expect(ran).toMatchObject({ code: 2, stdout: '' });
      expect(ran.stderr).toContain('--at is an instant in UTC');
      expect(ran.stderr).not.toContain('yesterday');
    }
  });

  it('tells of a master key that cannot be used as 8', async () => {
    const name = await create();
    const key = async (action: string) =>
      await runLocal('key', [action], { VAULT_DATA_DIR: vault.dataDir }).exit;
    expect(await key('disable')).toBe(0);
    const get = await dsv.run(['get', name]);
    const status = await dsv.run(['status']);
    expect(await key('enable')).toBe(0);
    expect([get.code, status.code]).toEqual([8, 8]);
  });
});

describe('all requests', () => {
  it('let no value be seen in a message or in the list of processes', () => {
    expect(dsv.seenIn(canary)).toEqual([]);
  });
});
