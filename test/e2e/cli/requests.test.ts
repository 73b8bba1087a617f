/** How `dsv` sends requests: settings, retries, keys, and an exit code for every kind of failure. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Dsv, openDsv } from '../../support/dsv.ts';
import { type FaultyFront, type Plan, startFaultyFront } from '../../support/faulty-front.ts';
import { runLocal } from '../../support/local-process.ts';
import { freshName, type RunningVault, startVault } from '../../support/running-vault.ts';
import type { Claims } from '../../support/tokens.ts';

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

describe('a write of dsv', () => {
  it('succeeds with one effect when the answer was lost', async () => {
    const name = freshName();
    front.plan('lose');
    expect(await dsv.run(['create', name], { input: canary })).toMatchObject({ code: 0 });
    front.plan('lose', 'lose');
    expect(await dsv.run(['update', name], { input: canary })).toMatchObject({ code: 0 });
    expect(await versionsOf(name)).toBe(2);
  });

  it('keeps one key for all its attempts, takes another for the next write, and prints it with --verbose', async () => {
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

  it('prints its key when the outcome stays unknown, and repeats without a second effect under that key', async () => {
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

  it('appears after every answer that leaves the outcome open', async () => {
    expect(await toldAfter({ status: 201, body: '{' })).toBe(true);
    expect(await toldAfter({ status: 201, body: '{}' })).toBe(true);
    expect(await toldAfter({ status: 408, body: 'slow' })).toBe(true);
    expect(await toldAfter(refuse(500, 'internal', false))).toBe(true);
    expect(await toldAfter('drop', refuse(401, 'unauthenticated', false))).toBe(true);
    expect(await toldAfter(refuse(401, 'unauthenticated', false))).toBe(false);
  });
});

describe('a request of dsv', () => {
  it('is retried if that may help, at most as often as allowed', async () => {
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

  it('waits as long as Retry-After asks, but never minutes', async () => {
    const name = await create();
    front.plan(refuse(429, 'throttled', true, { 'Retry-After': '2' }));
    expect(await dsv.run(['get', name])).toMatchObject({ code: 0 });
    const [first, second] = front.seen();
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1_990);
    front.plan(refuse(429, 'throttled', true, { 'Retry-After': '600' }));
    expect(await dsv.run(['get', name])).toMatchObject({ code: 7 });
    expect(front.seen()).toHaveLength(1);
  });

  it('ignores a negative Retry-After', async () => {
    const name = await create();
    front.plan(refuse(429, 'throttled', true, { 'Retry-After': '-5' }));
    const { code, stderr } = await dsv.run(['get', name]);
    expect([code, stderr.trimEnd().split('\n')]).toEqual([0, [expect.stringContaining('told')]]);
  });

  it('mentions its retries once on stderr, and not with --json', async () => {
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

  it('ends after its --timeout', async () => {
    front.plan('hang');
    const ran = await dsv.run(['list', '--timeout', '0.3', '--retries', '0']);
    expect(ran).toMatchObject({ code: 7, stderr: expect.stringContaining('within 0.3 s') });
  });

  it('follows no redirect, because that could send the token elsewhere', async () => {
    front.plan({ status: 307, headers: { Location: `${vault.baseUrl()}/v1/secrets` } });
    expect(await dsv.run(['list'])).toMatchObject({ code: 1 });
  });

  it('prints nothing of an answer that is not from a vault', async () => {
    for (const status of [200, 404, 500]) {
      front.plan({ status, body: canary });
      const ran = await dsv.run(['list', '--retries', '0']);
      expect(ran.code).toBe(status === 500 ? 7 : 1);
    }
  });

  it('is printed by --curl without token and value, and not sent', async () => {
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

describe('settings of dsv', () => {
  const none = { DSV_ADDR: '', DSV_TOKEN: '' };
  const keep = (profile: string, content: object, mode = 0o600) => {
    const folder = join(dsv.folder, '.config', 'dsv');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${profile}.json`), JSON.stringify(content), { mode });
  };

  it('come from flags, else from the environment, else from the profile', async () => {
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

  it('get refused without being repeated if they are invalid', async () => {
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

  it('get refused from a profile that others can read', async () => {
    keep('open', { addr: vault.baseUrl(), token: vault.token() }, 0o644);
    const ran = await dsv.run(['list', '--profile', 'open'], { env: none });
    expect(ran).toMatchObject({ code: 5, stderr: expect.stringContaining('chmod 600') });
  });
});

describe('the exit code of dsv', () => {
  it('is 5 for a refused token and for a missing scope', async () => {
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

  it('is 9 for another current version, which stderr names', async () => {
    const name = await create();
    const ran = await dsv.run(['update', name, '--if-version', '7'], { input: canary });
    expect(ran).toMatchObject({ code: 9, stderr: expect.stringContaining('current version 1') });
  });

  it('is 6 for a value that is too large', async () => {
    const input = 'x'.repeat(65_537);
    const ran = await dsv.run(['create', freshName()], { input });
    expect(ran).toMatchObject({ code: 6, stderr: expect.stringContaining('65536') });
  });

  it('is 2 for a wrong command line, and stderr repeats nothing of it', async () => {
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
  ])('is 2 for the unknown command %s, and stderr names the right one', async (word, say) => {
    const ran = await dsv.run([word, freshName()]);
    expect(ran).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(say) });
  });

  it('is 2 for an invalid --at, and stderr names the flag', async () => {
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

  it('is 8 for a master key that cannot be used', async () => {
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

describe('all requests of dsv', () => {
  it('show no value in messages or in the list of processes', () => {
    expect(dsv.seenIn(canary)).toEqual([]);
  });
});
