/** `dsv env` reads and writes files, and leaves no trace when something fails. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Dsv, openDsv } from '../../support/dsv.ts';
import { freshName, type RunningVault, startVault } from '../../support/running-vault.ts';

let vault: RunningVault;
let dsv: Dsv;
beforeAll(async () => {
  vault = await startVault();
  dsv = openDsv({ DSV_ADDR: vault.baseUrl(), DSV_TOKEN: vault.token() });
});
afterAll(() => vault.stop());

const isRoot = process.getuid?.() === 0;
const itAsRoot = isRoot ? it : it.skip;
const canary = 'c4n4ry';
let files = 0;
const fileOf = (content: string, mode = 0o640): string => {
  files += 1;
  const file = join(dsv.folder, `file${files}.env`);
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
};
const create = async (value = canary): Promise<string> => {
  const name = freshName();
  await vault.call('POST', '/v1/secrets', { token: vault.token(), body: { name, value } });
  return name;
};

describe('dsv env encrypt', () => {
  it('replaces the file by one without values, and keeps its mode', async () => {
    const name = freshName();
    const file = fileOf(`# kept\n${name}=${canary}\nURL="x://enc(${name})" # too\n`, 0o664);
    const ran = await dsv.run(['env', 'encrypt', '--in-place', file]);
    expect(ran).toMatchObject({ code: 0, stdout: '', stderr: `dsv: created ${name}\n` });
    expect(readFileSync(file, 'utf8')).toBe(
      `# kept\n${name}=secret(${name})\nURL="x://secret(${name})" # too\n`,
    );
    expect(statSync(file).mode & 0o777).toBe(0o664);
    expect((await dsv.run(['env', 'expand', file])).stdout).toContain(`x://${canary}`);
    expect(readdirSync(dsv.folder).filter((entry) => entry.includes('draft'))).toEqual([]);
  });

  it('keeps the owner of the file', async () => {
    const name = freshName();
    const file = fileOf(`${name}=${canary}\nA="enc(${name})"\n`);
    // Only root can change the owner of a file.
    const owner = isRoot ? { uid: 65_534, gid: 65_534 } : statSync(file);
    chownSync(file, owner.uid, owner.gid);
    expect(await dsv.run(['env', 'encrypt', '--in-place', file])).toMatchObject({ code: 0 });
    const { uid, gid } = statSync(file);
    expect({ uid, gid }).toEqual({ uid: owner.uid, gid: owner.gid });
  });

  itAsRoot('replaces and stores nothing if the owner cannot be kept', async () => {
    const name = freshName();
    const content = `${name}=${canary}\nA="enc(${name})"\n`;
    const file = fileOf(content);
    chownSync(file, 65_534, 65_534);
    const env = { ...process.env, DSV_ADDR: vault.baseUrl(), DSV_TOKEN: vault.token() };
    const command = ['cli/dsv.js', 'env', 'encrypt', '--in-place', file];
    // Root without the capability to change owners, like any other user.
    const ran = spawnSync('setpriv', ['--bounding-set=-chown', ...command], { env });
    expect([ran.status, String(ran.stderr)]).toEqual([1, expect.stringContaining('the owner of')]);
    expect(readFileSync(file, 'utf8')).toBe(content);
    expect(readdirSync(dsv.folder).filter((entry) => entry.includes('draft'))).toEqual([]);
    expect(await dsv.run(['get', name])).toMatchObject({ code: 3 });
  });

  it('replaces the target of a symbolic link, not the link', async () => {
    const name = freshName();
    const file = fileOf(`${name}=${canary}\nA="enc(${name})"\n`);
    const link = join(dsv.folder, 'link.env');
    symlinkSync(file, link);
    expect(await dsv.run(['env', 'encrypt', '--in-place', link])).toMatchObject({ code: 0 });
    expect(
      readdirSync(dsv.folder, { withFileTypes: true })
        .find(({ name }) => name === 'link.env')
        ?.isSymbolicLink(),
    ).toBe(true);
    expect(readFileSync(file, 'utf8')).not.toContain(canary);
  });

  it('stores nothing if the result could not be written', async () => {
    const name = freshName();
    const file = fileOf(`${name}=${canary}\nA="enc(${name})"`);
    const pipe = join(dsv.folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const out of [join(dsv.folder, 'no', 'such'), pipe]) {
      expect(await dsv.run(['env', 'encrypt', file, '--out', out])).toMatchObject({ code: 1 });
    }
    expect(await dsv.run(['get', name])).toMatchObject({ code: 3 });
    expect(statSync(pipe).isFIFO()).toBe(true);
  });

  it('reports what was stored and how to repeat it if writing the result fails', async () => {
    const name = freshName();
    const file = fileOf(`${name}=${canary}\nA="enc(${name})"`);
    const env = { ...process.env, DSV_ADDR: vault.baseUrl(), DSV_TOKEN: vault.token() };
    const script = `cli/dsv.js env encrypt ${file} > /dev/full`;
    const full = spawnSync('bash', ['-c', script], { env, encoding: 'utf8' });
    expect(full).toMatchObject({ status: 1, stderr: expect.stringContaining(`created ${name}\n`) });
    const key = /--idempotency-key (\S+)/.exec(full.stderr)?.[1] ?? '';
    const again = await dsv.run(['env', 'encrypt', file, '--idempotency-key', key]);
    expect(again).toMatchObject({
      code: 0,
      stdout: `${name}=secret(${name})\nA="secret(${name})"`,
    });
  });

  it('takes the values of requested names from files and from variables', async () => {
    const [one, other, third] = [freshName(), freshName(), freshName()];
    const pem = join(dsv.folder, 'pem');
    writeFileSync(pem, `${canary}\nb\n`);
    const input = `A="enc(${one})"\nB="enc(${other})"\nC="enc(${third})"\n${third}=${canary}3`;
    const flags = ['--values-from-env', '--value-file', `${one}=${pem}`];
    const env = { [other]: `${canary}2`, [one]: 'not this', UNUSED: 'x' };
    const ran = await dsv.run(['env', 'encrypt', '-', ...flags], { input, env });
    expect(ran.code).toBe(0);
    expect((await dsv.run(['get', one])).stdout).toBe(`${canary}\nb\n`);
    expect((await dsv.run(['get', other])).stdout).toBe(`${canary}2`);
    expect((await dsv.run(['get', third])).stdout).toBe(`${canary}3`);
  });

  it('refuses a variable that is not UTF-8, and names it', async () => {
    const name = freshName();
    const script = `export ${name}=$'a\\xff'"$REST"; echo 'A="enc(${name})"' | "$0" "$@"`;
    const command = [resolve('cli/dsv.js'), 'env', 'encrypt', '-', '--values-from-env'];
    const settings = { DSV_ADDR: vault.baseUrl(), DSV_TOKEN: vault.token() };
    const env = { ...process.env, ...settings, REST: canary };
    const ran = spawnSync('bash', ['-c', script, ...command], { env, encoding: 'utf8' });
    expect(ran).toMatchObject({ status: 2, stdout: '' });
    expect(ran.stderr).toContain(`the variable ${name} is not UTF-8`);
    expect(ran.stderr).not.toContain(canary);
    expect(await dsv.run(['get', name])).toMatchObject({ code: 3 });
  });

  it('refuses stdin for two inputs and stores nothing', async () => {
    const [one, other] = [freshName(), freshName()];
    const input = `A="enc(${one})"\nB="enc(${other})"\n`;
    const stdinFor = (name: string) => ['--value-file', `${name}=-`];
    const whole = await dsv.run(['env', 'encrypt', '-', ...stdinFor(one)], { input });
    expect(whole).toMatchObject({ code: 2, stdout: '' });
    expect(whole.stderr).toContain(`both the file - and the value for ${one}`);
    const flags = [...stdinFor(one), ...stdinFor(other)];
    const values = await dsv.run(['env', 'encrypt', fileOf(input), ...flags], { input: canary });
    expect(values).toMatchObject({ code: 2, stdout: '' });
    expect(values.stderr).toContain(`both the value for ${one} and the value for ${other}`);
    expect(await dsv.run(['get', one])).toMatchObject({ code: 3 });
  });

  it('lists every existing name with its line and column, and keeps the file', async () => {
    const name = await create();
    const content = `${name}=${canary}\nA="enc(${name})"\n`;
    const file = fileOf(content);
    const ran = await dsv.run(['env', 'encrypt', '--in-place', file]);
    expect(ran).toMatchObject({
      code: 4,
      stderr: expect.stringContaining(`${file}:2:4: ${name}: `),
    });
    expect(readFileSync(file, 'utf8')).toBe(content);
  });

  it('exits with 6 for a file without references, and keeps the file', async () => {
    const content = `# \\enc(A)\nPW=${canary}\nB='\\secret(A)'\n`;
    const file = fileOf(content);
    for (const flags of [['--in-place'], [], ['--dry-run'], ['--json']]) {
      const ran = await dsv.run(['env', 'encrypt', file, ...flags]);
      expect(ran).toMatchObject({ code: 6, stdout: '' });
      expect(ran.stderr).toContain(`${file} has no enc(): nothing was stored`);
    }
    expect(readFileSync(file, 'utf8')).toBe(content);
  });

  it('reports that it stored nothing when the file has only secret() references', async () => {
    const name = await create();
    const content = `A="secret(${name})"\n`;
    const file = fileOf(content);
    const ran = await dsv.run(['env', 'encrypt', '--in-place', file]);
    const stderr = `dsv: ${file} has no enc(): nothing was stored\n`;
    expect(ran).toMatchObject({ code: 0, stdout: '', stderr });
    expect(readFileSync(file, 'utf8')).toBe(content);
  });

  it('reports errors of a file without references with line and column', async () => {
    for (const input of ['A=1\nB', 'A=1\nB=Enc(A)']) {
      const ran = await dsv.run(['env', 'encrypt', '-'], { input });
      expect(ran).toMatchObject({ code: 6, stderr: expect.stringMatching(/^-:2:\d+: /) });
      expect(ran.stderr).not.toContain('has no enc()');
    }
  });

  it('refuses an empty --value-file and stores nothing', async () => {
    const [name, empty] = [freshName(), fileOf('')];
    const flags = ['--value-file', `${name}=${empty}`];
    const ran = await dsv.run(['env', 'encrypt', '-', ...flags], { input: `A="enc(${name})"\n` });
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain(`the value for ${name} is empty`);
    expect(await dsv.run(['get', name])).toMatchObject({ code: 3 });
    const meant = `${name}=\nA="enc(${name})"\n`;
    expect(await dsv.run(['env', 'encrypt', '-'], { input: meant })).toMatchObject({ code: 0 });
    expect(await dsv.run(['get', name])).toMatchObject({ code: 0, stdout: '' });
  });

  it('stores and replaces nothing in a dry run', async () => {
    const name = freshName();
    const content = `${name}=${canary}\nA="enc(${name})"\n`;
    const file = fileOf(content);
    const ran = await dsv.run(['env', 'encrypt', '--in-place', '--dry-run', file]);
    expect(ran).toMatchObject({ code: 0, stderr: `dsv: would create ${name}\n` });
    expect(readFileSync(file, 'utf8')).toBe(content);
    expect(await dsv.run(['get', name])).toMatchObject({ code: 3 });
  });
});

describe('dsv env expand', () => {
  it('writes the chosen dialect, byte for byte, into a file that only its owner can read', async () => {
    const name = await create(`${canary} it's`);
    const file = fileOf(`A="secret(${name})"`);
    const out = join(dsv.folder, 'expanded');
    await dsv.run(['env', 'expand', file, '--out', out]);
    expect(readFileSync(out, 'utf8')).toBe(`A="${canary} it's"`);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const json = await dsv.run(['env', 'expand', file, '--dialect', 'json']);
    expect(JSON.parse(json.stdout)).toEqual({ A: `${canary} it's` });
  });

  it('reads as of an instant with --at, and pins with --pin', async () => {
    const name = await create(`${canary}1`);
    const put = await vault.call('PUT', `/v1/secrets/${name}`, {
      token: vault.token(),
      body: { value: `${canary}2` },
    });
    const input = `A="secret(${name})"`;
    const before = new Date(Date.parse(put.json.validFrom ?? '') - 1).toISOString();
    const at = await dsv.run(['env', 'expand', '-', '--at', before], { input });
    expect(at.stdout).toBe(`A=${canary}1`);
    const pinned = await dsv.run(['env', 'expand', '-', '--pin'], { input });
    expect(pinned.stdout).toBe(`A="secret(${name}@2)"`);
  });

  it('lists every missing name with its line and column', async () => {
    const input = 'A="secret(NOPE)"\nB=x\nC="é secret(NADA)"';
    const ran = await dsv.run(['env', 'expand', '-'], { input });
    expect(ran).toMatchObject({ code: 3, stdout: '' });
    expect(ran.stderr).toMatch(/^-:1:4: NOPE: .*\n-:3:6: NADA: /);
  });

  it('prints the reply of the API or its problem with --json', async () => {
    const name = await create();
    const input = `A="secret(${name})"`;
    const { stdout } = await dsv.run(['env', 'expand', '-', '--json'], { input });
    expect(JSON.parse(stdout)).toEqual({
      content: `A=${canary}`,
      created: [],
      resolved: [{ name, version: 1 }],
      warnings: [],
    });
    const refused = await dsv.run(['env', 'expand', '-', '--json'], { input: 'A' });
    expect(JSON.parse(refused.stderr)).toMatchObject({
      code: 'invalid_env',
      status: 422,
      errors: [{ line: 1 }],
    });
  });
});

describe('dsv env submit', () => {
  it('stores and resolves in one request, and warns on stderr', async () => {
    const [kept, name] = [await create(), freshName()];
    const value = `${canary}-long-enough`;
    const input = `${name}=${value}\nA="enc(${name})"\nB="secret(${kept})"\nC=${value}\n`;
    const ran = await dsv.run(['env', 'submit', '-'], { input });
    expect(ran.stdout).toBe(
      `${name}=secret(${name})\nA="secret(${name})"\nB=${canary}\nC=${value}\n`,
    );
    expect(ran.stderr).toMatch(/^-:4: warning: .*value_elsewhere/);
  });
});

describe('dsv env lint', () => {
  const bad = `A=Secret(${canary})\nB\nC="enc(NOPE)"\nD='x'y\nA=2\n`;

  it('reports the same errors at the same places as the vault, without a request', async () => {
    const file = fileOf(bad);
    const offline = { DSV_ADDR: 'http://127.0.0.1:9', DSV_TOKEN: '' };
    const lines = (ran: { stderr: string }) =>
      ran.stderr.split('\n').filter((line) => line.startsWith(file));
    const linted = await dsv.run(['env', 'lint', file], { env: offline });
    const asked = await dsv.run(['env', 'submit', file]);
    expect([linted.code, asked.code]).toEqual([6, 6]);
    expect(lines(linted)).toHaveLength(5);
    expect(lines(linted)).toEqual(lines(asked));
    const json = await dsv.run(['env', 'lint', file, '--json']);
    expect(JSON.parse(json.stderr)).toMatchObject({ code: 'invalid_env', errorsTotal: 5 });
  });

  it('checks for the purpose given by --for', async () => {
    const file = fileOf(`A="enc(X)"\nUID="secret(Y)"\n`);
    const lint = async (...flags: string[]) =>
      (await dsv.run(['env', 'lint', file, ...flags], { env: { X: 'x' } })).stderr;
    expect(await lint('--for', 'expand')).toMatch(
      /:1:4: .*enc_not_allowed.*\n.*:2:6: .*not_representable/,
    );
    expect(await lint('--for', 'encrypt')).toContain('unresolved_value');
    expect(await lint('--for', 'encrypt', '--values-from-env')).toContain('no errors');
  });

  it('refuses bytes that are not UTF-8', async () => {
    const ran = await dsv.run(['env', 'lint', '-'], { input: new Uint8Array([0x41, 0x3d, 0xff]) });
    expect(ran).toMatchObject({ code: 6 });
  });
});

describe('dsv env', () => {
  it('accepts one destination for the result, and does not read stdin otherwise', async () => {
    const file = fileOf('A=1');
    for (const flags of [
      [file, '--in-place', '--out', 'x'],
      ['-', '--in-place'],
      [file, '--json', '--out', 'x'],
      [file, '--value-file', 'x'],
    ]) {
      expect((await dsv.run(['env', 'encrypt', ...flags])).code).toBe(2);
    }
  });

  it('shows no value in messages or in the list of processes', () => {
    expect(dsv.seenIn(canary)).toEqual([]);
  });
});
