/** The commands for one secret: create, update, get, history, list, diff, rollback. */
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
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

/** A text in every value of this file. */
const canary = 'c4n4ry';
const created = async (input: string | Uint8Array = canary): Promise<string> => {
  const name = freshName();
  expect(await dsv.run(['create', name], { input })).toMatchObject({ code: 0 });
  return name;
};

describe('dsv create', () => {
  it('stores the bytes of stdin', async () => {
    const value = Buffer.from([0, 0xff, 0x0d, 0x0a, 0xc3, 0x28]);
    const name = await created(value);
    expect((await dsv.run(['get', name])).bytes).toEqual(value);
  });

  it('stores the content of a file, and warns of a line feed at the end of one line', async () => {
    const [name, file] = [freshName(), join(dsv.folder, 'value')];
    writeFileSync(file, `${canary}\n`);
    await dsv.run(['create', name, '--value-file', file]);
    expect((await dsv.run(['get', name])).stdout).toBe(`${canary}\n`);
    const piped = await dsv.run(['create', freshName()], { input: `${canary}\n` });
    expect(piped).toMatchObject({ code: 0, stderr: expect.stringContaining('line feed') });
    const lines = await dsv.run(['create', freshName()], { input: `${canary}\nb\n` });
    expect(lines).toMatchObject({ code: 0, stderr: '' });
  });

  it('decodes canonical base64, and refuses any other', async () => {
    const name = freshName();
    const stored = await dsv.run(['create', name, '--base64'], { input: '/wD+AQ==\n' });
    expect(stored).toMatchObject({ code: 0, stderr: '' });
    expect((await dsv.run(['get', name])).bytes).toEqual(Buffer.from([0xff, 0, 0xfe, 1]));
    const refused = await dsv.run(['create', freshName(), '--base64'], { input: 'c4n4ry' });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
  });

  it('accepts --value, and warns that others could see it', async () => {
    const name = freshName();
    const ran = await dsv.run(['create', name, '--value', 'shown-to-all']);
    expect(ran).toMatchObject({ code: 0, stderr: expect.stringContaining('use stdin') });
    expect((await dsv.run(['get', name])).stdout).toBe('shown-to-all');
    expect(dsv.seenIn('shown-to-all').length).toBeGreaterThan(0);
  });

  it('refuses a --value that is not UTF-8', async () => {
    const name = freshName();
    const env = { ...process.env, DSV_ADDR: vault.baseUrl(), DSV_TOKEN: vault.token() };
    const script = `cli/dsv.js create ${name} --value $'\\xff\\xfe'`;
    const ran = spawnSync('bash', ['-c', script], { env, encoding: 'utf8' });
    expect(ran).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--value is not UTF-8'),
    });
    expect(await dsv.run(['get', name])).toMatchObject({ code: 3 });
  });

  it('accepts only one source of the value', async () => {
    const ran = await dsv.run(['create', freshName(), '--value', 'a', '--value-file', 'b']);
    expect(ran).toMatchObject({ code: 2 });
  });

  it('exits with 4 for an existing name, but with 0 for --skip-unchanged with the same value', async () => {
    const name = await created();
    expect(await dsv.run(['create', name], { input: canary })).toMatchObject({
      code: 4,
      stderr: expect.stringContaining(`dsv update ${name} writes its next version`),
    });
    const flags = ['create', name, '--skip-unchanged'];
    expect(await dsv.run(flags, { input: canary })).toMatchObject({ code: 0 });
    expect(await dsv.run(flags, { input: `${canary}2` })).toMatchObject({ code: 4 });
    expect(
      (await vault.call('GET', `/v1/secrets/${name}`, { token: vault.token() })).json.version,
    ).toBe(1);
  });

  it('prompts at the terminal without an echo', async () => {
    const name = freshName();
    const started = dsv.start(['create', name, '--prompt'], { terminal: true, open: true });
    await started.prints('value: ');
    started.type(`${canary}é\r\u0004`);
    const { code, stdout } = await started.ran;
    expect(code).toBe(0);
    expect(stdout).not.toContain(canary);
    expect((await dsv.run(['get', name])).stdout).toBe(`${canary}é`);
  });

  it('stores nothing if several lines are typed at once, complete or not', async () => {
    for (const rest of [`${canary}2\r`, `${canary}2`]) {
      const name = freshName();
      const started = dsv.start(['create', name, '--prompt'], { terminal: true, open: true });
      await started.prints('value: ');
      started.type(`${canary}1\r${rest}`);
      const { code, stdout } = await started.ran;
      expect([code, stdout]).toEqual([2, expect.stringContaining('several were typed')]);
      expect(stdout).not.toContain(canary);
      expect(await dsv.run(['get', name])).toMatchObject({ code: 3 });
    }
  });

  it('stores nothing if the prompt is answered with Ctrl-C or Ctrl-D', async () => {
    for (const [typed, code] of [
      ['\u0003', 130],
      ['\u0004', 2],
    ] as const) {
      const name = freshName();
      const started = dsv.start(['create', name, '--prompt'], { terminal: true, open: true });
      await started.prints('value: ');
      started.type(`${typed}`);
      expect(await started.ran).toMatchObject({ code });
      expect(await dsv.run(['get', name])).toMatchObject({ code: 3 });
    }
  });

  it('reads no value from a terminal that would show it', async () => {
    const ran = await dsv.run(['create', freshName()], { terminal: true });
    expect(ran).toMatchObject({ code: 2, stdout: expect.stringContaining('--prompt') });
  });
});

describe('dsv get', () => {
  it('prints a version by number or by instant', async () => {
    const name = await created(`${canary}1`);
    const put = await vault.call('PUT', `/v1/secrets/${name}`, {
      token: vault.token(),
      body: { value: `${canary}2` },
    });
    expect((await dsv.run(['get', name])).stdout).toBe(`${canary}2`);
    expect((await dsv.run(['get', name, '--version', '1'])).stdout).toBe(`${canary}1`);
    const before = new Date(Date.parse(put.json.validFrom ?? '') - 1).toISOString();
    expect((await dsv.run(['get', name, '--at', before])).stdout).toBe(`${canary}1`);
    expect(await dsv.run(['get', name, '--version', '3'])).toMatchObject({ code: 3, stdout: '' });
    expect(await dsv.run(['get', name, '--version', 'x'])).toMatchObject({ code: 2 });
    expect(await dsv.run(['get', name, '--at', 'noon'])).toMatchObject({ code: 2 });
    expect(await dsv.run(['get', name, '--at', before, '--version', '1'])).toMatchObject({
      code: 2,
    });
  });

  it('writes a file that only its owner can read, even over a file that others could read', async () => {
    const [name, file] = [await created(), join(dsv.folder, 'out')];
    writeFileSync(file, 'old', { mode: 0o644 });
    expect(await dsv.run(['get', name, '--out', file])).toMatchObject({ code: 0, stdout: '' });
    expect(readFileSync(file, 'utf8')).toBe(canary);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const nowhere = join(dsv.folder, 'no', 'such');
    expect(await dsv.run(['get', name, '--out', nowhere])).toMatchObject({ code: 1 });
  });

  it('prints the reply of the API with --json', async () => {
    const name = await created();
    const { stdout } = await dsv.run(['get', name, '--json']);
    const reply = await vault.call('GET', `/v1/secrets/${name}`, { token: vault.token() });
    expect(JSON.parse(stdout)).toEqual(reply.json);
  });

  it('escapes control characters in its JSON', async () => {
    const name = await created('\u009b2J\u202e\u{e0001}é');
    const { stdout } = await dsv.run(['get', name, '--json']);
    expect(stdout).toContain('"\\u009b2J\\u202e\\udb40\\udc01é"');
    expect(JSON.parse(stdout).value).toBe('\u009b2J\u202e\u{e0001}é');
  });

  it('adds a newline at a terminal, and shows bytes with control characters as base64', async () => {
    const plain = await dsv.run(['get', await created()], { terminal: true });
    expect(plain.stdout).toBe(`${canary}\r\n`);
    const bell = await dsv.run(['get', await created('\u001b[2J')], { terminal: true });
    expect(bell.stdout).toContain(Buffer.from('\u001b[2J').toString('base64'));
    expect(bell.stdout).not.toContain('\u001b');
  });

  it('fails if its output cannot be written completely', async () => {
    const name = await created('x'.repeat(60_000));
    const env = { PATH: process.env['PATH'], DSV_ADDR: vault.baseUrl(), DSV_TOKEN: vault.token() };
    const file = join(dsv.folder, 'full');
    const get = (redirection: string) =>
      spawnSync('bash', ['-c', `cli/dsv.js get ${name} ${redirection}`], { env });
    expect(get(`> ${file}`).status).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe('x'.repeat(60_000));
    expect(get('> /dev/full').status).toBe(1);
    // A file may have 16 KiB; the system refuses to write more.
    const limited = `trap '' XFSZ; ulimit -f 16; cli/dsv.js get ${name} > ${file}`;
    expect(spawnSync('bash', ['-c', limited], { env }).status).toBe(1);
    expect(statSync(file).size).toBe(16_384);
  });
});

describe('an empty value', () => {
  it.each(['create', 'update'])(
    'exits with 2 in %s unless --allow-empty is given',
    async (command) => {
      const name = command === 'create' ? freshName() : await created();
      const empty = join(dsv.folder, 'empty');
      writeFileSync(empty, '');
      for (const flags of [[], ['--base64'], ['--value-file', empty], ['--value', '']]) {
        const ran = await dsv.run([command, name, ...flags]);
        expect(ran).toMatchObject({ code: 2, stdout: '' });
        expect(ran.stderr).toContain('--allow-empty stores it');
      }
      const before = await dsv.run(['get', name]);
      expect(before).toMatchObject(
        command === 'create' ? { code: 3 } : { code: 0, stdout: canary },
      );
      expect(await dsv.run([command, name, '--allow-empty'])).toMatchObject({ code: 0 });
      expect(await dsv.run(['get', name])).toMatchObject({ code: 0, stdout: '' });
    },
  );
});

describe('dsv history', () => {
  it('fits into a terminal of 80 columns', async () => {
    const name = await created();
    await dsv.run(['update', name], { input: canary });
    // The terminal gets its size before dsv is started in it, as in a shell.
    const { stdout } = await dsv.run(['history', name], { terminal: true, columns: 80 });
    const lines = stdout.trimEnd().split('\r\n').map(stripVTControlCharacters);
    expect(lines).toHaveLength(3);
    expect(lines[2]).toMatch(/^1 +\S+Z +\S+Z +alice$/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('lists all versions over all pages, newest first, with values only on request', async () => {
    const name = await created(`${canary}1`);
    for (let version = 2; version <= 23; version += 1) {
      await vault.call('PUT', `/v1/secrets/${name}`, {
        token: vault.token(),
        body: { value: `${canary}${version}` },
      });
    }
    const { stdout } = await dsv.run(['history', name]);
    expect(stdout).not.toContain(canary);
    const [head, ...rows] = stdout.trimEnd().split('\n');
    expect(head).toMatch(/^VERSION +VALID FROM +VALID TO +CREATED BY$/);
    expect(rows.map((row) => Number.parseInt(row, 10))).toEqual(
      Array.from({ length: 23 }, (_, index) => 23 - index),
    );
    expect(rows[0]).toMatch(/^23 +\d{4}-\d\d-\d\dT[\d:.]+Z +now +alice$/);
    const valued = JSON.parse((await dsv.run(['history', name, '--json', '--show-values'])).stdout);
    expect(valued.versions.map(({ value }: { value: string }) => value)).toEqual(
      Array.from({ length: 23 }, (_, index) => `${canary}${23 - index}`),
    );
  });

  it('truncates nothing in a narrow terminal, and shows no control character', async () => {
    const value = `${canary}\u001b[31m${'x'.repeat(500)}`;
    const name = await created(value);
    const ran = await dsv.run(['history', name, '--show-values'], {
      terminal: true,
      env: { COLUMNS: '40', NO_COLOR: '1' },
    });
    expect(ran.stdout).toContain(`${canary}\\u{1b}[31m${'x'.repeat(500)}`);
    expect(ran.stdout).not.toContain('\u001b');
  });
});

describe('dsv update', () => {
  it('writes the next version, but none for --skip-unchanged with the same value', async () => {
    const name = await created(`${canary}1`);
    const update = (input: string, ...flags: string[]) =>
      dsv.run(['update', name, ...flags], { input });
    expect(await update(`${canary}1`, '--skip-unchanged')).toMatchObject({ code: 0, stdout: '' });
    expect(
      JSON.parse((await update(`${canary}1`, '--skip-unchanged', '--json')).stdout),
    ).toMatchObject({ name, version: 1, unchanged: true });
    expect((await update(`${canary}2`, '--skip-unchanged')).stdout).toContain('version 2');
    expect((await update(`${canary}2`)).stdout).toContain('version 3');
  });

  it('checks --if-version, also where --skip-unchanged would write nothing', async () => {
    const name = await created();
    const update = (version: string, ...flags: string[]) =>
      dsv.run(['update', name, '--if-version', version, ...flags], { input: canary });
    expect(await update('2')).toMatchObject({ code: 9 });
    expect(await update('2', '--skip-unchanged')).toMatchObject({ code: 9 });
    expect(await update('1', '--skip-unchanged')).toMatchObject({ code: 0 });
    expect(await update('1')).toMatchObject({ code: 0 });
    expect(await update('1')).toMatchObject({ code: 9 });
  });

  it('exits with 3 for a missing name and creates nothing', async () => {
    expect(await dsv.run(['update', freshName()], { input: canary })).toMatchObject({ code: 3 });
  });
});

describe('dsv rollback', () => {
  it('writes an old value as a new version, byte for byte', async () => {
    const name = await created(Buffer.from([0xff, 0, 1]));
    await dsv.run(['update', name], { input: canary });
    const ran = await dsv.run(['rollback', name, '--to', '1', '--if-version', '2']);
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining('version 3') });
    expect((await dsv.run(['get', name])).bytes).toEqual(Buffer.from([0xff, 0, 1]));
    expect(await dsv.run(['rollback', name, '--to', '1', '--if-version', '2'])).toMatchObject({
      code: 9,
    });
    expect(await dsv.run(['rollback', name, '--to', '9'])).toMatchObject({ code: 3 });
  });
});

describe('dsv diff', () => {
  it('reports whether two versions differ, and shows how only with --show-values', async () => {
    const name = await created(`same\n${canary}1\n`);
    await dsv.run(['update', name], { input: `same\n${canary}2\n` });
    await dsv.run(['rollback', name, '--to', '1']);
    expect((await dsv.run(['diff', `${name}@1`, `${name}@2`])).stdout).toBe(
      `${name}@1 and ${name}@2 differ\n`,
    );
    expect((await dsv.run(['diff', `${name}@1`, name])).stdout).toBe(
      `${name}@1 and ${name}@3 are the same\n`,
    );
    const { stdout } = await dsv.run(['diff', `${name}@1`, `${name}@2`, '--show-values']);
    expect(stdout).toContain(` same\n-${canary}1\n+${canary}2\n`);
    const json = JSON.parse((await dsv.run(['diff', `${name}@1`, `${name}@2`, '--json'])).stdout);
    expect(json).toMatchObject({ equal: false, versions: [{ version: 1 }, { version: 2 }] });
    expect(JSON.stringify(json)).not.toContain(canary);
  });

  it('shows no values that differ in too many lines, and says so', async () => {
    const [name, other] = [
      await created('a\n'.repeat(32_700)),
      await created('b\n'.repeat(32_700)),
    ];
    const command = ['diff', name, other, '--show-values'];
    const ran = await dsv.run(command);
    expect(ran).toMatchObject({ code: 0, stdout: `${name}@1 and ${other}@1 differ\n` });
    expect(ran.stderr).toContain('more than 4000 lines differ');
    const json = JSON.parse((await dsv.run([...command, '--json'])).stdout);
    expect(json).toMatchObject({ equal: false });
    expect(json).not.toHaveProperty('patch');
  });

  it('shows no control character of a value', async () => {
    const name = await created('\u001b[2J\n');
    const { stdout } = await dsv.run(['diff', name, await created('x\n'), '--show-values']);
    expect(stdout).toContain('-\\u{1b}[2J\n+x\n');
  });

  it('refuses an invalid version without repeating it', async () => {
    for (const place of ['A@0', 'A@hunter2', 'A@1@2', '@1']) {
      const ran = await dsv.run(['diff', place, 'A']);
      expect(ran.code).toBe(2);
      expect(ran.stderr).not.toContain('hunter2');
    }
  });
});

describe('dsv list', () => {
  it('prints all names visible to the caller over all pages', async () => {
    const token = vault.token({ tenant: `list-${Date.now()}` });
    const names = Array.from({ length: 1_050 }, (_, index) => `N${String(index).padStart(4, '0')}`);
    for (let at = 0; at < names.length; at += 96) {
      const some = names.slice(at, at + 96);
      const content = some.map((name) => `${name}=enc(${name})`).join('\n');
      const values = Object.fromEntries(some.map((name) => [name, 'x']));
      const sent = await vault.call('POST', '/v1/env/encrypt', {
        token,
        body: { content, values },
      });
      expect(sent.status).toBe(200);
    }
    const env = { DSV_TOKEN: token };
    expect((await dsv.run(['list'], { env })).stdout).toBe(
      names.map((name) => `${name}\n`).join(''),
    );
    expect((await dsv.run(['list', '--prefix', 'N100'], { env })).stdout.split('\n')).toHaveLength(
      11,
    );
    expect(JSON.parse((await dsv.run(['list', '--json'], { env })).stdout)).toEqual({ names });
  });
});

describe('all dsv commands for one secret', () => {
  it('refuse an invalid name without repeating it and without a request', async () => {
    for (const command of ['create', 'update', 'get', 'history', 'diff A']) {
      const ran = await dsv.run([...command.split(' '), 'hunter2!'], {
        input: '',
        env: { DSV_ADDR: 'http://127.0.0.1:9' },
      });
      expect(ran.code).toBe(2);
      expect(ran.stderr).not.toContain('hunter2');
    }
  });

  it('exit with 3 for a missing name, with the problem of the server for --json', async () => {
    for (const command of ['get', 'history', 'rollback --to 1']) {
      const ran = await dsv.run([...command.split(' '), 'NOWHERE', '--json']);
      expect(ran).toMatchObject({ code: 3, stdout: '' });
      expect(JSON.parse(ran.stderr)).toMatchObject({
        type: 'https://vault.invalid/problems/not-found',
        status: 404,
        code: 'not_found',
      });
    }
  });

  it('show no value in messages or in the list of processes', () => {
    expect(dsv.seenIn(canary)).toEqual([]);
  });
});
