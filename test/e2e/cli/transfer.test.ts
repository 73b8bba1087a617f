/** `dsv import` and `dsv export` move many secrets at once into and out of the vault. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Dsv, openDsv } from '../../support/dsv.ts';
import { type RunningVault, startVault } from '../../support/running-vault.ts';
import { readWithBash } from '../../support/shells.ts';

let vault: RunningVault;
let dsv: Dsv;
beforeAll(async () => {
  vault = await startVault();
  dsv = openDsv({ DSV_ADDR: vault.baseUrl() });
});
afterAll(() => vault.stop());

const canary = 'c4n4ry';
let tenants = 0;
/** A token of a tenant without secrets. */
const fresh = (): NodeJS.ProcessEnv => {
  tenants += 1;
  return { DSV_TOKEN: vault.token({ tenant: `transfer-${Date.now()}-${tenants}` }) };
};
const importing = (input: string, env: NodeJS.ProcessEnv, ...flags: string[]) =>
  dsv.run(['import', '-', ...flags], { input, env });
const exported = async (env: NodeJS.ProcessEnv): Promise<unknown> =>
  JSON.parse((await dsv.run(['export', '--json'], { env })).stdout);

describe('dsv import', () => {
  it('creates a secret for each assignment, with its decoded value', async () => {
    const env = fresh();
    const file = `# no secret\nexport A='${canary} 1' # none\nB="${canary}\\n2"\nC=\nD=\\x\n`;
    expect(await importing(file, env)).toMatchObject({
      code: 0,
      stderr: 'dsv: created A, B, C, D\n',
    });
    expect(await exported(env)).toEqual({
      A: `${canary} 1`,
      B: `${canary}\n2`,
      C: '',
      D: '\\x',
    });
  });

  it('creates a secret for each property of a JSON object, for any name and value', async () => {
    const env = fresh();
    const file = join(dsv.folder, 'some.json');
    const secrets = { 'a.b-c': canary, __proto_: 'enc(X)', constructor: 'é\u0000\n' };
    writeFileSync(file, JSON.stringify(secrets));
    expect(await dsv.run(['import', file], { env })).toMatchObject({ code: 0 });
    expect(await exported(env)).toEqual(secrets);
  });

  it('creates all or none, and lists every existing name', async () => {
    const env = fresh();
    await importing('A=1\nB=2', env);
    const ran = await importing(`A=1\nNEW=${canary}\nB=2`, env);
    expect(ran).toMatchObject({ code: 4, stderr: expect.stringMatching(/^-: A: .*\n-: B: .*\n/) });
    expect(await exported(env)).toEqual({ A: '1', B: '2' });
  });

  it('creates nothing in a dry run or from an empty file', async () => {
    const env = fresh();
    expect(await importing('A=1', env, '--dry-run')).toMatchObject({
      code: 0,
      stderr: 'dsv: would create A\n',
    });
    expect(await importing('# only this', env)).toMatchObject({ code: 6 });
    expect(await exported(env)).toEqual({});
  });

  it.each([
    [
      '.env',
      'env',
      `A=1\nB=secret(${canary})\nC\nD="\\\\secret(A)"\nE='\\secret(A)enc(A)'`,
      ['-:2:3: ', '-:3:1: ', '-:4:6: ', '-:5:5: ', '-:5:14: '],
    ],
    [
      'JSON',
      'json',
      `{"A": "1",\n "B-": {"${canary}": 1}, "A": "2", "not ${canary}": ""}`,
      ['-:2:8: ', '-:2:23: ', '-:2:33: '],
    ],
    ['invalid JSON', 'json', `{"A": ${canary}}`, ['-:1:7: ']],
    ['JSON without an object', 'json', `["${canary}"]`, ['-:1:1: ']],
  ])(
    'reports every error of %s with its place, and stores nothing',
    async (_, format, input, places) => {
      const env = fresh();
      const ran = await importing(input, env, '--format', format);
      expect(ran.code).toBe(6);
      const lines = ran.stderr.split('\n').filter((line) => line.startsWith('-:'));
      expect(lines.map((line) => line.slice(0, line.indexOf(' ') + 1))).toEqual(places);
      expect(await exported(env)).toEqual({});
    },
  );
});

describe('exported secrets', () => {
  it('can be imported again, or get refused where the file could mean another value', async () => {
    const [from, to] = [fresh(), fresh()];
    const plain = { A: `\\${canary}`, B: '\\\\ $X "\'', C: 'secret', D: 'two\nlines\n' };
    const odd = { ...plain, E: '\\secret(X)', F: 'x \\\\enc (', G: '\\secret(X)\n"\'' };
    await importing(JSON.stringify(odd), from, '--format', 'json');
    const { stdout } = await dsv.run(['export', ...Object.keys(odd)], { env: from });
    const refused = await importing(stdout, to);
    expect(refused).toMatchObject({ code: 6 });
    expect(refused.stderr.match(/^-:\d+/gm)).toEqual(['-:7', '-:8', '-:9']);
    const some = await dsv.run(['export', ...Object.keys(plain)], { env: from });
    expect(await importing(some.stdout, to)).toMatchObject({ code: 0 });
    expect(await exported(to)).toEqual(plain);
    const { stdout: json } = await dsv.run(['export', '--json'], { env: from });
    const other = fresh();
    expect(await importing(json, other, '--format', 'json')).toMatchObject({ code: 0 });
    expect(await exported(other)).toEqual(odd);
  });
});

describe('dsv export', () => {
  it('prints a file that bash reads back exactly', async () => {
    const env = fresh();
    const secrets = { A: `it's "${canary}" $HOME \`x\``, B: 'two\nlines\n', C: '' };
    await importing(JSON.stringify(secrets), env, '--format', 'json');
    const file = join(dsv.folder, 'all.env');
    expect(await dsv.run(['export', '--out', file], { env })).toMatchObject({
      code: 0,
      stdout: '',
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const reading = { text: readFileSync(file, 'utf8'), keys: Object.keys(secrets) };
    expect(readWithBash([reading])).toEqual([Object.values(secrets)]);
  });

  it('prints only the named secrets or those with --prefix', async () => {
    const env = fresh();
    await importing('DB_A=1\nDB_B=2\nX=3', env);
    const { stdout } = await dsv.run(['export', 'X', 'DB_B'], { env });
    expect(stdout).toBe('X=3\nDB_B=2\n');
    expect((await dsv.run(['export', '--prefix', 'DB_'], { env })).stdout).toBe('DB_A=1\nDB_B=2\n');
    expect(await dsv.run(['export', 'NOPE'], { env })).toMatchObject({ code: 3, stdout: '' });
  });

  it('prints more than one request can hold, in names and in bytes', async () => {
    const env = fresh();
    const token = env['DSV_TOKEN'] ?? '';
    const values: Record<string, string> = {};
    for (let index = 0; index < 100; index += 1) values[`N${index}`] = `${canary}${index}`;
    for (let index = 0; index < 17; index += 1) values[`Z${index}`] = 'x'.repeat(65_000);
    const entries = Object.entries(values);
    for (let at = 0; at < entries.length; at += 15) {
      const some = entries.slice(at, at + 15);
      const content = some.map(([name]) => `K${name}="enc(${name})"\n`).join('');
      const body = { content, values: Object.fromEntries(some) };
      expect((await vault.call('POST', '/v1/env/encrypt', { token, body })).status).toBe(200);
    }
    const ran = await dsv.run(['export', '--json'], { env });
    expect(JSON.parse(ran.stdout)).toEqual(values);
    expect(ran.stderr).toContain('parts');
  });

  it('refuses values that a file cannot hold', async () => {
    const env = fresh();
    await importing('{"a.b":"1"}', env, '--format', 'json');
    expect(await dsv.run(['export'], { env })).toMatchObject({ code: 6, stdout: '' });
    await dsv.run(['create', 'BYTES'], { env, input: new Uint8Array([0xff]) });
    expect(await dsv.run(['export', 'BYTES', '--json'], { env })).toMatchObject({
      code: 6,
      stdout: '',
    });
  });

  it('shows no value in messages or in the list of processes', () => {
    expect(dsv.seenIn(canary)).toEqual([]);
  });
});
