/**
 * The last release and today's code serve the same table with the same master key at the same time,
 * as functions do while a stack is updated. Clients send requests to both.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { withIncluded } from '../../functions/model/types.ts';
import { githubToken } from '../support/github-access.ts';
import { lastRelease } from '../support/released.ts';
import { freshName } from '../support/running-vault.ts';
import { issueToken } from '../support/tokens.ts';
import {
  bothOrders,
  type Code,
  expectOneAnswer,
  keyedRequests,
  lastLineOf,
  live,
  useTwoHosts,
  useTwoReleases,
} from '../support/two-releases.ts';

const both = useTwoReleases(lastRelease);
const { folder, data, run, inspect } = both;
const codes: readonly Code[] = ['released', 'today'];

// The first host of each pair owns the folder with the key. The second pair also opens what the
// first pair has written into the table.
describe.each(bothOrders)('a vault with the hosts "%s" and "%s"', (...order) => {
  const hosts = useTwoHosts(both, order);
  const { ask, store, dsvault, tokenOf, logOf, expectLinearizable } = hosts;

  // Shows G16.
  it('gives linearizable replies to clients that ask both', expectLinearizable);

  // Shows G16.
  it.each(keyedRequests)(
    'answers a %s repeated at the other host as the first host did',
    (_, requestOf) => expectOneAnswer(hosts, requestOf),
  );

  // Shows G16.
  it('lets the dsvault of either release lock, compare and bump a file at the host of the other release', async () => {
    for (const [code, host] of bothOrders) {
      const name = await store(host, freshName());
      const [file, lock] = [join(folder, `${name}.env`), join(folder, `${name}.env.lock`)];
      writeFileSync(file, `A=secret(${name})\n`);
      const type = (...args: readonly string[]) => dsvault(code, host, ...args);
      expect((await type('lock', file, '--anchors')).slice(0, 2)).toEqual([0, []]);
      expect(readFileSync(lock, 'utf8')).toMatch(/^A=secret\(\w+@1\.[\w-]{8}\)\n$/);
      const update = await ask(host, ['PUT', `/v1/secrets/${name}`, { value: 'w' }]);
      expect(update.status).toBe(200);
      expect((await type('outdated', lock))[1][1]).toMatch(/ 1 +2 +outdated /);
      expect((await type('bump', '--all', '-f', lock))[0]).toBe(0);
      expect((await type('env', 'expand', lock)).slice(0, 2)).toEqual([0, ['A=w']]);
      const anchored = join(folder, `${name}.anchored`);
      writeFileSync(anchored, `A=secret(${name}@1.k3f9qzTb)\n`);
      expect((await type('env', 'expand', anchored))[2]).toContain('[pin_mismatch]');
    }
  });

  // Shows G16.
  it('rolls a secret back with the dsvault of either release', async () => {
    const name = await store('released', freshName());
    for (const code of codes) {
      for (const host of codes) {
        const rolledBack = await dsvault(code, host, 'rollback', name, '--to', '1');
        expect(rolledBack.slice(0, 2)).toEqual([
          0,
          [expect.stringContaining('with the value of version 1')],
        ]);
      }
    }
  });

  // Shows G14, G16.
  it('lets the dsvault of today find in the logs of both hosts who holds and has seen a version, and that nothing is missing', async () => {
    const name = await store('released', freshName());
    for (const code of codes) await ask(code, ['GET', `/v1/secrets/${name}`]);
    const files = codes.map((code) => {
      const file = join(folder, `${code}.log`);
      writeFileSync(file, `${logOf(code).join('\n')}\n`);
      return file;
    });
    const question = async (...words: readonly string[]) => {
      const [exit, output] = await dsvault(
        'today',
        'today',
        'log',
        ...words,
        '--json',
        '--file',
        ...files,
      );
      expect(exit).toBe(0);
      return JSON.parse(output.join('\n'));
    };
    const { holders } = await question('holders', name);
    expect(holders).toMatchObject([{ subject: 'local:alice', read: [{ version: 1 }], current: 1 }]);
    const { seen } = await question('seen', 'local:alice');
    expect(seen).toContainEqual(
      expect.objectContaining({ secret: name, shown: [1], wrote: [1], isCurrent: true }),
    );
    const { contradictions, runs, unnumbered } = await question('check', '--clocks', '0ms');
    expect(contradictions).toEqual([]);
    expect(runs).toMatchObject([{ first: 1, missing: [], changed: [] }]);
    expect(unnumbered).toBeGreaterThan(0);
  });

  // Shows G16.
  it('lets dsvault witness of today save and check the anchors of versions at the host of today, and says that 2.0.0 shows none in a list', async () => {
    await store('released', freshName());
    const file = join(folder, `${order[0]}.witness.json`);
    const witness = (host: Code, ...args: readonly string[]) =>
      dsvault('today', host, 'witness', ...args);
    expect((await witness('today', '--out', file))[0]).toBe(0);
    expect((await witness('today', '--check', file))[0]).toBe(0);
    expect(await witness('released', '--check', file)).toEqual([
      1,
      [],
      expect.stringContaining('anchors'),
    ]);
  });

  // Shows G16.
  it('writes with an anchor in If-Match only if the version has that anchor', async () => {
    const name = await store('released', freshName());
    const write = async (code: Code, tag: string) => {
      const headers = { 'If-Match': `"${tag}"` };
      return (await ask(code, ['PUT', `/v1/secrets/${name}`, { value: 'w' }], headers)).status;
    };
    for (const [first, second] of bothOrders) {
      const { version, anchor } = (await ask(first, ['GET', `/v1/secrets/${name}`])).json;
      expect(await write(second, `${version}.k3f9qzTb`)).toBe(412);
      expect(await write(second, `${version}.${anchor}`)).toBe(200);
    }
  });

  // Shows G16.
  it('accepts at either host the cursors, tags and tokens of the other one', async () => {
    for (const [first, second] of bothOrders) {
      const prefix = freshName('LISTED');
      const names = [];
      for (const end of ['A', 'B', 'C']) names.push(await store(second, `${prefix}_${end}`));
      const [name = ''] = names;
      await ask(second, ['PUT', `/v1/secrets/${name}`, { value: 'w' }]);
      const goOn = async (path: string) => {
        const { json } = await ask(first, ['GET', path]);
        return [json, (await ask(second, ['GET', `${path}&cursor=${json.nextCursor}`])).json];
      };
      const pages = await goOn(`/v1/secrets?prefix=${prefix}&limit=2`);
      expect(pages.flatMap((page) => page.names)).toEqual(names);
      const listed = await goOn(`/v1/secrets/${name}/versions?order=asc&limit=1`);
      expect(listed.flatMap(({ versions }) => versions)).toMatchObject([
        { version: 1 },
        { version: 2 },
      ]);

      const { etag } = await ask(first, ['GET', `/v1/secrets/${name}`]);
      const unchanged = await ask(second, ['GET', `/v1/secrets/${name}`], {
        'If-None-Match': etag,
      });
      expect(unchanged.status).toBe(304);
      const body = { content: `A=secret(${name})\n` };
      const { tag } = (await ask(first, ['POST', '/v1/env/expand', body])).json;
      const expanded = await ask(second, ['POST', '/v1/env/expand', { ...body, unless: tag }]);
      expect(expanded.json).toEqual({ unchanged: true, tag });

      for (const Authorization of [`Bearer ${tokenOf(first)}`, `Bearer ${githubToken()}`]) {
        const [seen, same] = await Promise.all(
          [first, second].map((code) => ask(code, ['GET', '/v1/whoami'], { Authorization })),
        );
        const scopes = withIncluded(seen?.json.scopes);
        expect({ ...same?.json, scopes: withIncluded(same?.json.scopes) }).toEqual({
          ...seen?.json,
          scopes,
        });
      }
    }
  });

  // Shows G16.
  it.each(codes)(
    'lists names at the host "%s" for a token with secrets:list alone, and shows it no values',
    async (code) => {
      const name = await store(code, freshName());
      const Authorization = `Bearer ${issueToken(data, { scope: 'secrets:list' })}`;
      for (const [status, path] of [
        [200, `/v1/secrets`],
        [200, `/v1/secrets/${name}/versions`],
        [403, `/v1/secrets/${name}/versions?include=values`],
        [403, `/v1/secrets/${name}`],
      ] as const) {
        expect((await ask(code, ['GET', path], { Authorization })).status).toBe(status);
      }
    },
  );
});

// Shows G14, G16.
it("the last release and today's code find the same items, and nothing wrong with them", async () => {
  const env = { ...both.dynamodb(), VAULT_DATA_DIR: data };
  const found = await inspect('released', env);
  expect(found.items.length).toBeGreaterThan(100);
  expect(found.violations).toEqual([]);
  expect(await inspect('today', env)).toEqual(found);
});

// Shows G16.
it('npm start of the last release and of today serve one folder in turn, and restore the backups of the other one', async () => {
  const env = { VAULT_DATA_DIR: join(folder, 'own') };
  mkdirSync(env.VAULT_DATA_DIR, { mode: 0o700 });
  await live(both, 'released', env);
  await live(both, 'today', env);
  await live(both, 'released', env);
  const stored = await inspect('released', env);
  expect(stored.violations).toEqual([]);
  expect(await inspect('today', env)).toEqual(stored);
  for (const [from, to] of bothOrders) {
    const file = join(folder, `by-${from}.backup`);
    await lastLineOf(run(from, 'backup', [file], env));
    const restored = { VAULT_DATA_DIR: join(folder, `restored-by-${to}`) };
    mkdirSync(restored.VAULT_DATA_DIR, { mode: 0o700 });
    cpSync(join(env.VAULT_DATA_DIR, 'kms.json'), join(restored.VAULT_DATA_DIR, 'kms.json'));
    await lastLineOf(run(to, 'restore', [file], restored));
    expect(await inspect(to, restored)).toEqual(await inspect(from, env));
  }
});
