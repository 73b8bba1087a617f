/**
 * From release 1.0.0 to the code of today, and back: what the table "What breaks" of CHANGELOG.md
 * promises for 2.0.0.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { githubPolicy } from '../support/github-access.ts';
import { addressOf } from '../support/local-process.ts';
import { releaseOf } from '../support/released.ts';
import { freshName } from '../support/running-vault.ts';
import {
  bothOrders,
  type Code,
  expectOneAnswer,
  keyedRequests,
  lastLineOf,
  live,
  type Request,
  useTwoHosts,
  useTwoReleases,
} from '../support/two-releases.ts';

const both = useTwoReleases(releaseOf('1.0.0'));
const { folder, run, inspect } = both;

/** Removes the anchors from an answer, because 1.0.0 shows none. */
const withoutAnchors = (json: object): object =>
  JSON.parse(JSON.stringify(json, (name, value) => (name === 'anchor' ? undefined : value)));

// The first host of each pair owns the folder with the key. The second pair also opens what the
// first pair has written into the table.
describe.each(bothOrders)('a vault with the hosts "%s" and "%s"', (...order) => {
  const hosts = useTwoHosts(both, order, { readsKeyFile: false });
  const { ask, store, dsvault, expectLinearizable } = hosts;

  // Shows G16.
  it('gives linearizable replies to clients that ask both', expectLinearizable);

  // Shows G16.
  it.each(keyedRequests)(
    'answers a %s repeated at the other host as the first host did',
    (_, requestOf) => expectOneAnswer(hosts, requestOf, withoutAnchors),
  );

  // Shows G16.
  it('rolls a secret back with the dsvault of either release, except with that of today at a host of 1.0.0', async () => {
    const name = await store('released', freshName());
    const rollBack = (code: Code, host: Code) => dsvault(code, host, 'rollback', name, '--to', '1');
    for (const [code, host] of [
      ['released', 'released'],
      ['released', 'today'],
      ['today', 'today'],
    ] as const) {
      expect((await rollBack(code, host)).slice(0, 2)).toEqual([
        0,
        [expect.stringContaining('with the value of version 1')],
      ]);
    }
    expect(await rollBack('today', 'released')).toEqual([
      1,
      [],
      expect.stringContaining('upgrade the vault to the release of this program'),
    ]);
  });

  // Shows G16.
  it('stores next versions at the host of today, and refuses their file with 422 at the other host', async () => {
    const names = [await store('released', freshName()), await store('today', freshName())];
    const content = names.map((name) => `X_${name}=enc(${name}@next)\n`).join('');
    const body = { content, values: Object.fromEntries(names.map((name) => [name, 'w'])) };
    const request: Request = ['POST', '/v1/env/encrypt', body];
    const key = { 'Idempotency-Key': randomUUID() };
    const refusal = await ask('released', request, key);
    expect(refusal).toMatchObject({ status: 422, json: { code: 'invalid_env' } });
    expect(refusal.reply.text).toContain('"malformed_reference"');
    expect((await ask('today', request, key)).status).toBe(200);
    // 1.0.0 refuses `@next`, but can read the versions that today's release stored for it, and
    // update their secrets.
    for (const name of names) {
      const { json } = await ask('released', ['GET', `/v1/secrets/${name}`]);
      expect(json).toMatchObject({ version: 2, value: 'w' });
      const updated = await ask('released', ['PUT', `/v1/secrets/${name}`, { value: 'x' }]);
      expect(updated.json.version).toBe(3);
    }
    const again = await ask('today', request, key);
    expect([again.status, again.reply.headers.get('idempotency-replayed')]).toEqual([200, 'true']);
    const [values, file] = [join(folder, 'values.env'), join(folder, 'next.env')];
    writeFileSync(values, `${names[0]}=y\n`);
    writeFileSync(file, `${names[0]}=y\nX="enc(${names[0]}@next)"\n`);
    for (const command of [
      ['env', 'encrypt', file],
      ['env', 'submit', file],
      ['import', '--update', values],
    ]) {
      const [exitCode, , error] = await dsvault('today', 'released', ...command);
      const sentence =
        'the vault knows no enc(NAME@next): upgrade the vault to the release of this program';
      expect([command, exitCode, error]).toEqual([command, 6, expect.stringContaining(sentence)]);
    }
  });
});

// Shows G14, G16.
it("1.0.0 and today's code find the same items, and nothing wrong with them", async () => {
  const env = { ...both.dynamodb(), VAULT_DATA_DIR: both.data };
  const found = await inspect('released', env);
  expect(found.items.length).toBeGreaterThan(100);
  expect(found.violations).toEqual([]);
  expect(await inspect('today', env)).toEqual(found);
});

// Shows G16.
it('a backup moves the data of npm start from 1.0.0 to the code of today, and back', async () => {
  const env = { VAULT_DATA_DIR: join(folder, 'own') };
  mkdirSync(env.VAULT_DATA_DIR, { mode: 0o700 });
  const putAside = (store: string): void => {
    for (const name of readdirSync(env.VAULT_DATA_DIR).filter((one) => one.startsWith(store))) {
      renameSync(join(env.VAULT_DATA_DIR, name), join(folder, name));
    }
  };
  const move = async (from: Code, to: Code, store: string): Promise<void> => {
    await live(both, from, env);
    const before = await inspect(from, env);
    expect(before.violations).toEqual([]);
    const file = join(folder, `by-${from}.backup`);
    await lastLineOf(run(from, 'backup', [file], env));
    putAside(store);
    await lastLineOf(run(to, 'restore', [file], env));
    expect(await inspect(to, env)).toEqual(before);
  };
  await live(both, 'released', env);
  const refused = run('today', 'start', [], { ...env, PORT: '0' });
  expect([await refused.exit, refused.errors.join()]).toEqual([
    78,
    expect.stringMatching(
      /holds data of release 1\.0\.0 or older \(store\.sqlite.*\): make a backup/,
    ),
  ]);
  await move('released', 'today', 'store.sqlite');
  await move('today', 'released', 'vault.sqlite');
  await live(both, 'released', env);
});

// Shows G16.
it('1.0.0 refuses a policy that names secrets:list, which the code of today accepts', async () => {
  const file = join(folder, 'listing.yaml');
  writeFileSync(file, githubPolicy().replace('[secrets:read]', '[secrets:list]'));
  const env = { ...both.dynamodb(), VAULT_DATA_DIR: both.data, PORT: '0', AUTH_POLICY_FILE: file };
  const refused = run('released', 'start', [], env);
  expect(await refused.exit).not.toBe(0);
  expect(refused.errors.join()).toContain(
    'rules[0].scopes[0] must be of secrets:read, secrets:write',
  );
  const accepted = run('today', 'start', [], env);
  await addressOf(accepted);
  accepted.child.kill('SIGTERM');
  await accepted.exit;
});
