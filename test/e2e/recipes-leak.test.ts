/**
 * Plays the recipe for a leak in docs/recipes.md on `npm start`: from a value in a commit to the
 * values that replace it, and then to a backup that undoes this. Each test continues where the one
 * before it ended.
 */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { storeFile } from '../../host/sqlite/database.ts';
import { canaryForms, contentsOf, findCanaries, newCanary } from '../support/adversary/canaries.ts';
import { type Dsvault, openDsvault } from '../support/dsvault.ts';
import { freshFolder, runLocal } from '../support/local-process.ts';
import { makePolicyIssuer } from '../support/policy-issuer.ts';
import { blocksBelow, commandsBelow, play } from '../support/recipes.ts';
import { describeLocal, useVault } from '../support/running-vault.ts';
import { untilSeen } from '../support/until.ts';

const [scan = '', holders = '', seen = '', wait = '', destroy = ''] = commandsBelow('After a leak');
const [replace = ''] = blocksBelow('After a leak');

const github = makePolicyIssuer('github', 'https://github.test');
const rule = { match: { sub: '74' }, tenant: 'acme', subject: '{sub}', scopes: ['secrets:read'] };
const policy = stringify({
  issuers: [
    { ...github.entry, rules: [{ ...rule, names: ['*'] }] },
    { id: 'local', localKey: true },
  ],
});

describeLocal('after a leak', () => {
  const vault = useVault(() => policy);
  const backups = freshFolder();
  const values = [newCanary(), newCanary()];
  const [leaked = '', password = ''] = values;
  const outputs: string[] = [];
  let owner: Dsvault;
  let app: Dsvault;
  const as = (token: string) => ({
    DSVAULT_ADDR: vault.baseUrl(),
    DSVAULT_TOKEN: token,
    VAULT_DATA_DIR: vault.dataDir,
  });
  const ownToken = () => vault.token({ sub: 'owner', tenant: 'acme' });
  const kept = async (running: ReturnType<Dsvault['run']>) => {
    const { code, stdout, stderr } = await running;
    outputs.push(stdout, stderr);
    return { code, stdout: stdout.replaceAll(/ +/g, ' '), stderr };
  };
  const run = (script: string) => kept(play(owner, script, as(ownToken())));
  /** Starts the program of the second caller, which prints how long its two values are together. */
  const runApp = () =>
    kept(
      app.run(
        ['run', '-f', 'app.env', '--', 'sh', '-c', 'printf %s "$API_KEY$DB_PASSWORD" | wc -c'],
        {
          env: as(github.token({ sub: '74' })),
        },
      ),
    );
  const succeed = async (program: string, ...args: readonly string[]): Promise<void> => {
    const { exit, output, errors } = runLocal(program, args, { VAULT_DATA_DIR: vault.dataDir });
    if ((await exit) !== 0) throw new Error(errors.join('\n'));
    outputs.push(...output, ...errors);
  };

  beforeAll(async () => {
    owner = openDsvault({});
    app = openDsvault({});
    const call = (method: string, path: string, body: object) =>
      vault.call(method, path, { token: ownToken(), body });
    await call('POST', '/v1/secrets', { name: 'DB_PASSWORD', value: password });
    await call('POST', '/v1/secrets', { name: 'API_KEY', value: 'first' });
    for (const value of ['second', leaked]) await call('PUT', '/v1/secrets/API_KEY', { value });
    writeFileSync(
      join(app.folder, 'app.env'),
      'API_KEY=secret(API_KEY)\nDB_PASSWORD=secret(DB_PASSWORD)\n',
    );
    for (const _ of [1, 2]) expect(await runApp()).toMatchObject({ code: 0 });
    writeFileSync(join(owner.folder, '.env'), `API_KEY=${leaked}\n`);
    const commit = 'git add .env && git commit -qm env && git rm -q .env && git commit -qm tidy';
    const prepare = `git init -q; git config user.name a; git config user.email a@b; ${commit}`;
    expect(await run(prepare)).toMatchObject({ code: 0 });
    await succeed('backup', join(backups, 'yesterday.backup'));
  });

  it('scan finds the value in a commit after a later commit has removed it', async () => {
    const { code, stdout, stderr } = await run(scan);
    expect([code, stderr]).toEqual([9, expect.stringContaining('still current: API_KEY (found)')]);
    expect(stdout).toMatch(/^WHERE .*\n\w+:\.env:1 API_KEY 3 current plain \w+\n$/);
  });

  it('log holders names the caller that has read it, and log seen what else this caller knows', async () => {
    expect((await run(holders)).stdout).toMatch(/^acme github:74 github 3 /m);
    const { code, stdout } = await run(seen);
    expect(code).toBe(0);
    const shown = stdout.matchAll(/^acme (\w+) (\d) - - \S+ \d the current version$/gm);
    expect([...shown].map(([, name, version]) => `${name}@${version}`)).toEqual([
      ...['API_KEY@3', 'DB_PASSWORD@1'],
    ]);
    expect(`${stdout.trimEnd().split('\n').at(-1)}\n`).toBe(replace);
  });

  it('the command that log seen prints replaces both values in one transaction', async () => {
    expect(await run(replace)).toMatchObject({
      code: 0,
      stderr: 'dsvault: created API_KEY@4, DB_PASSWORD@2\n',
    });
    const requests = await untilSeen(
      () => vault.lines().filter((line) => line.includes('"API_KEY@4"')),
      (lines) => lines.length > 0,
    );
    expect(requests.map((line) => JSON.parse(line).wrote)).toEqual([
      ['API_KEY@4', 'DB_PASSWORD@2'],
    ]);
    for (const name of ['API_KEY', 'DB_PASSWORD']) {
      const { json } = await vault.call('GET', `/v1/secrets/${name}`, { token: ownToken() });
      values.push(json.value ?? '');
    }
    expect(values.map(({ length }) => length).slice(2)).toEqual([32, 32]);
    // A second run of the command must not replace what somebody has stored since.
    writeFileSync(join(owner.folder, 'replace.env'), 'API_KEY=enc(API_KEY@next)\n');
    const late = replace.replace(' --if-version DB_PASSWORD=1', '');
    expect(await run(late)).toMatchObject({ code: 9, stdout: '' });
  });

  it('log holders --wait ends only when the caller that knows the leaked value has read the new one', async () => {
    const words = wait.split(' ').slice(1);
    const env = as(ownToken());
    const waiting = owner.start(words, { env });
    await waiting.prints('the current version has not been read by: github:74\n');
    const other = await kept(owner.run([...words, '--timeout', '1s'], { env }));
    expect([other.code, waiting.child.exitCode]).toEqual([9, null]);
    expect(await runApp()).toMatchObject({ code: 0, stdout: '64\n' });
    expect(await kept(waiting.ran)).toMatchObject({
      code: 0,
      stdout: 'every caller with an older version has read the current one\n',
    });
  });

  it('scan says after the replacement that the leaked value is superseded', async () => {
    const { code, stdout, stderr } = await run(scan);
    expect([code, stderr]).toEqual([9, expect.stringContaining('found; none is current (found)')]);
    expect(stdout).toMatch(/:\.env:1 API_KEY 3 superseded plain \w+\n$/);
  });

  it('witness says that the history goes on, and after a restore that it went back', async () => {
    const check = 'dsvault witness --check day.json';
    expect(await run('dsvault witness --out day.json')).toMatchObject({ code: 0 });
    expect(await run(`${destroy} --yes`)).toMatchObject({ code: 0 });
    expect(await run(check)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/\nAPI_KEY 4 4 goes on\nDB_PASSWORD 2 2 goes on\n$/),
    });

    await vault.kill9();
    for (const name of readdirSync(vault.dataDir).filter((one) => one.startsWith(storeFile))) {
      rmSync(join(vault.dataDir, name));
    }
    await succeed('restore', join(backups, 'yesterday.backup'));
    await vault.restart();
    expect(await run(check)).toMatchObject({
      code: 9,
      stdout: expect.stringMatching(/\nAPI_KEY 4 3 went back\nDB_PASSWORD 2 1 went back\n$/),
    });
    expect((await run(scan)).stderr).toContain('still current: API_KEY');
  });

  it('no value is in any output, log or file, except in the repository', () => {
    const forms = values.flatMap(canaryForms);
    const texts = [...outputs, ...vault.lines(), ...owner.seenIn(''), ...app.seenIn('')];
    expect(findCanaries(Buffer.from(texts.join('\n')), forms).map(String)).toEqual([]);
    for (const folder of [owner.folder, app.folder, backups, vault.dataDir]) {
      for (const { file, content } of contentsOf(folder)) {
        if (file.includes(`${sep}.git${sep}`)) continue;
        expect([file, findCanaries(content, forms)]).toEqual([file, []]);
      }
    }
  });
});
