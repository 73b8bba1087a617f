/** The commands of `dsv` that report about the vault, the caller and `dsv` itself. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Dsv, openDsv } from '../../support/dsv.ts';
import { type RunningVault, startVault } from '../../support/running-vault.ts';

let vault: RunningVault;
let dsv: Dsv;
let token: string;
beforeAll(async () => {
  vault = await startVault();
  token = vault.token({ sub: 'bob', names: ['A*'] });
  dsv = openDsv({ DSV_ADDR: vault.baseUrl(), DSV_TOKEN: token });
});
afterAll(() => vault.stop());

describe('dsv status', () => {
  it('reports whether store and master key can be used', async () => {
    const ran = await dsv.run(['status']);
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/store +ok +\d+ ms/) });
    const { stdout } = await dsv.run(['status', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'ok', masterKey: { reachable: true } });
  });
});

describe('dsv whoami', () => {
  it("prints the caller's identity only after the vault has accepted the token", async () => {
    const { stdout } = await dsv.run(['whoami', '--json']);
    const told = JSON.parse(stdout);
    expect(told).toMatchObject({
      subject: 'bob',
      scopes: ['secrets:read', 'secrets:write'],
      names: ['A*'],
      tokenFrom: 'DSV_TOKEN',
    });
    expect(stdout).not.toContain(token);
    const forged = `${token.slice(0, -8)}AAAAAAAA`;
    expect(await dsv.run(['whoami'], { env: { DSV_TOKEN: forged } })).toMatchObject({
      code: 5,
      stdout: '',
    });
  });
});

describe('dsv login', () => {
  it('stores a token that the vault accepts, readable only by its owner', async () => {
    const env = { DSV_TOKEN: '', DSV_ADDR: '' };
    const flags = ['--profile', 'mine', '--addr', vault.baseUrl()];
    expect(await dsv.run(['login', ...flags], { input: `${token}\n`, env })).toMatchObject({
      code: 0,
    });
    const folder = join(dsv.folder, '.config', 'dsv');
    expect(statSync(join(folder, 'mine.json')).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const who = await dsv.run(['whoami', '--json', '--profile', 'mine'], { env });
    expect(JSON.parse(who.stdout)).toMatchObject({ subject: 'bob', tokenFrom: 'profile mine' });
  });

  it('replaces a broken profile and a profile without a token', async () => {
    const env = { DSV_TOKEN: '' };
    const file = join(dsv.folder, '.config', 'dsv', 'broken.json');
    mkdirSync(dirname(file), { recursive: true });
    for (const content of ['{"addr": ', '{"token": "none"}']) {
      writeFileSync(file, content, { mode: 0o600 });
      const flags = ['--profile', 'broken'];
      expect((await dsv.run(['whoami', ...flags], { env })).code).not.toBe(0);
      expect(await dsv.run(['login', ...flags], { input: token, env })).toMatchObject({ code: 0 });
      expect(await dsv.run(['whoami', ...flags], { env })).toMatchObject({ code: 0 });
    }
  });

  it('makes a token for the vault on this machine and finds its address with --local', async () => {
    const env = { DSV_TOKEN: '', DSV_ADDR: '', VAULT_DATA_DIR: vault.dataDir };
    const login = await dsv.run(['login', '--local', '--profile', 'local', '--json'], { env });
    expect(login).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(login.stdout)).toMatchObject({ addr: vault.baseUrl() });
    const who = await dsv.run(['whoami', '--json', '--profile', 'local'], { env });
    expect(JSON.parse(who.stdout)).toMatchObject({
      ...{ tenant: 'demo', subject: 'you', tokenFrom: 'profile local' },
      scopes: ['secrets:read', 'secrets:write', 'vault:status'],
    });
  });

  it('says in one sentence that no vault runs or which kinds exist', async () => {
    const env = { DSV_TOKEN: '', VAULT_DATA_DIR: join(dsv.folder, 'none') };
    expect(await dsv.run(['login', '--local'], { env })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no vault runs here: npm start starts one'),
    });
    expect(await dsv.run(['login', '--local', '--for', 'hunter2'], { env })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--for knows start, cluster, docker, sam, localstack'),
    });
    expect(await dsv.run(['login', '--for', 'start'], { env, input: token })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('belong to --local'),
    });
  });

  it('stores no token that is malformed or that the vault refuses', async () => {
    for (const input of ['hunter2', `${token}x`, '']) {
      const ran = await dsv.run(['login', '--profile', 'bad'], { input });
      expect(ran.code).toBe(5);
      expect(ran.stderr).not.toContain('hunter2');
    }
    expect(() => statSync(join(dsv.folder, '.config', 'dsv', 'bad.json'))).toThrow();
  });

  it('prompts for the token at a terminal without an echo', async () => {
    const started = dsv.start(['login', '--profile', 'typed'], { terminal: true, open: true });
    await started.prints('token: ');
    started.type(`${token}\r`);
    const { code, stdout } = await started.ran;
    expect(code).toBe(0);
    expect(stdout).not.toContain(token);
  });
});

describe('dsv doctor', () => {
  const states = async (env: NodeJS.ProcessEnv) => {
    const { code, stdout } = await dsv.run(['doctor', '--json', '--retries', '0'], { env });
    type Check = { check: string; state: string };
    const checks: Check[] = JSON.parse(stdout).checks;
    return { code, ...Object.fromEntries(checks.map(({ check, state }) => [check, state])) };
  };

  it('reports ok for every check of a working setup', async () => {
    const fine = { code: 0, address: 'ok', reach: 'ok', clock: 'ok', token: 'ok', access: 'ok' };
    expect(await states({})).toEqual(fine);
  });

  it('reports each fault, and exits with the code of the first', async () => {
    expect(await states({ DSV_TOKEN: '' })).toMatchObject({
      code: 5,
      reach: 'ok',
      token: 'failed',
    });
    const past = vault.token({ exp: Math.floor(Date.now() / 1_000) - 100 });
    expect(await states({ DSV_TOKEN: past })).toMatchObject({
      code: 5,
      token: 'failed',
      access: 'failed',
    });
    const soon = vault.token({ exp: Math.floor(Date.now() / 1_000) + 100 });
    expect(await states({ DSV_TOKEN: soon })).toMatchObject({ code: 0, token: 'warning' });
    expect(await states({ DSV_ADDR: 'http://127.0.0.1:9' })).toMatchObject({
      code: 7,
      reach: 'failed',
    });
    const named = { DSV_ADDR: 'http://vault.invalid', DSV_TIMEOUT: '0.5' };
    expect(await states(named)).toMatchObject({ code: 7, address: 'warning' });
  });
});

describe('dsv completion', () => {
  const complete = (script: string, line: string): string => {
    const source = `${script}
      read -ra COMP_WORDS <<< "$1"; [[ "$1" == *' ' ]] && COMP_WORDS+=('')
      COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 )); _dsv; echo "\${COMPREPLY[*]}"`;
    const ran = spawnSync('bash', ['-c', source, 'bash', line], { encoding: 'utf8' });
    return ran.stdout.trim();
  };

  it('gives bash the possible next words', async () => {
    const { stdout } = await dsv.run(['completion', 'bash']);
    expect(complete(stdout, 'dsv he')).toBe('');
    expect(complete(stdout, 'dsv ro')).toBe('rollback');
    expect(complete(stdout, 'dsv env ')).toBe('encrypt expand submit lint');
    expect(complete(stdout, 'dsv env encrypt .env --in')).toBe('--in-place');
    expect(complete(stdout, 'dsv get env --o')).toBe('--out');
  });

  it('prints the same script with --json', async () => {
    const { stdout: script } = await dsv.run(['completion', 'bash']);
    const { stdout } = await dsv.run(['completion', 'bash', '--json']);
    expect(JSON.parse(stdout)).toEqual({ shell: 'bash', script });
  });

  it.each(['zsh', 'fish'])('gives %s every command with its description', async (shell) => {
    const { code, stdout } = await dsv.run(['completion', shell]);
    expect(code).toBe(0);
    for (const word of ['rollback', 'encrypt', 'in-place', 'write the value of an old version']) {
      expect(stdout).toContain(word);
    }
  });
});

describe('dsv', () => {
  it('prints its version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    const { stdout } = await dsv.run(['version', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ version });
  });

  it('reports an uncaught error by its place without its message', async () => {
    const file = join(dsv.folder, 'defect.mjs');
    writeFileSync(file, `process.once('beforeExit', () => { throw new Error('c4n4ry'); });`);
    const ran = await dsv.run(['version'], { env: { NODE_OPTIONS: `--import=${file}` } });
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('a defect of dsv') });
    expect(ran.stderr).toContain('    at ');
    expect(ran.stderr).not.toContain('c4n4ry');
  });

  it('shows examples in its help and in the help of every command', async () => {
    const listed = /Commands:\n(.*)/s.exec((await dsv.run(['--help'])).stdout)?.[1] ?? '';
    const names = [...listed.matchAll(/^ {2}(\w+) /gm)].map(([, name = '']) => name);
    expect(names.length).toBeGreaterThan(15);
    for (const name of names.filter((command) => command !== 'help')) {
      const { code, stdout } = await dsv.run(['help', name]);
      expect([name, code]).toEqual([name, 0]);
      expect(stdout).toMatch(/^Examples:\n {2}\w/);
      expect(stdout).toContain(`dsv ${name}`);
    }
  });
});
