/** Two vaults in one process share nothing: no store, key, policy, clock, queue or log. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AccessPolicy } from '../../functions/access/policy-types.ts';
import { createApi } from '../../functions/api.ts';
import { createIdentity } from '../../functions/http/identity.ts';
import { createDataKeys } from '../../functions/kms/data-keys.ts';
import { routes } from '../../functions/routes.ts';
import { newWriteId } from '../../functions/runtime/clock.ts';
import { createLog } from '../../functions/runtime/request-journal.ts';
import { createStore } from '../../functions/store/store.ts';
import { createKeyedMutex } from '../../functions/vault/keyed-mutex.ts';
import { createFileKey } from '../../host/kms/file-key.ts';
import {
  followMasterKey,
  identityIn,
  makeMasterKey,
  setKeyState,
} from '../../host/kms/key-file.ts';
import { openSqliteStore } from '../../host/sqlite/sqlite-store.ts';
import { ed25519, publicJwk, signToken } from '../support/issuer.ts';
import { freshFolder } from '../support/local-process.ts';
import { startOfTime, virtualClock } from '../support/virtual-clock.ts';

const scopes = ['secrets:read', 'secrets:write', 'secrets:list', 'vault:status'] as const;

/** Makes a vault for one tenant, `ms` after the other one. */
const makeVault = (name: string, ms: number, lines: string[]) => {
  const folder = freshFolder();
  const clock = virtualClock();
  clock.jump(ms);
  const issuer = ed25519();
  const policy: AccessPolicy = {
    issuers: [
      {
        ...{ id: name, issuer: 'https://issuer.test', audiences: ['vault'], algorithms: ['EdDSA'] },
        jwks: { keys: [publicJwk(issuer)] },
        rules: [{ match: { sub: '*' }, tenant: name, subject: '{sub}', names: ['*'], scopes }],
      },
    ],
  };
  const identity = createIdentity(clock);
  identity.use(policy, 'file');
  const keyFile = join(folder, 'kms.json');
  makeMasterKey(keyFile);
  const store = openSqliteStore(join(folder, 'vault.sqlite'), 'serve');
  const log = createLog({
    ...{ service: name, now: clock.now },
    write: (_level, line) => void lines.push(line),
  });
  const api = createApi(routes, {
    ...{ authenticate: identity.authenticate, clock, newWriteId, openJournal: log.openJournal },
    report: (line) => {
      throw new Error(line);
    },
    needs: {
      vaultId: name,
      store: createStore(store.itemsOf, name),
      dataKeys: createDataKeys(createFileKey(followMasterKey(keyFile, identityIn(keyFile)))),
      writers: createKeyedMutex(),
      isReady: async () => true,
      ...{ clock, about: { version: name, commit: null }, policy: identity.state },
      node: () => ({ name }),
    },
  });
  let requests = 0;
  const ask = async (token: string, method: string, path: string, body?: object) => {
    const found = api.find(method, path);
    if (found === undefined || 'allow' in found) throw new Error(`no route ${method} ${path}`);
    requests += 1;
    clock.advance(1_000);
    const reply = await api.handle(found, {
      ...{ requestId: `${name}-request-${requests}`, path, query: [] },
      headers: { authorization: [`Bearer ${token}`], 'content-type': ['application/json'] },
      body: Buffer.from(body === undefined ? '' : JSON.stringify(body)),
    });
    return { status: reply.status, body: reply.body === '' ? {} : JSON.parse(reply.body) };
  };
  const claims = { iss: 'https://issuer.test', aud: 'vault', sub: 'alice' };
  const exp = Math.floor(clock.now() / 1_000) + 60;
  const token = signToken({ alg: 'EdDSA' }, { ...claims, exp }, issuer);
  const stored = async (): Promise<string> => {
    const pages = [];
    for await (const page of store.pages()) pages.push(...page);
    return JSON.stringify(pages);
  };
  return { ask, token, clock, keyFile, identity, stored, close: store.close };
};

let lines: string[];
let one: ReturnType<typeof makeVault>;
let two: ReturnType<typeof makeVault>;
const day = 86_400_000;
beforeAll(() => {
  lines = [];
  [one, two] = [makeVault('one', 0, lines), makeVault('two', day, lines)];
});
afterAll(async () => {
  await one.close();
  await two.close();
});

const create = (vault: typeof one, name: string) =>
  vault.ask(vault.token, 'POST', '/v1/secrets', { name, value: `a value of ${name}` });
const read = (vault: typeof one, name: string) =>
  vault.ask(vault.token, 'GET', `/v1/secrets/${name}`);

describe('two vaults in one process', () => {
  it('store in their own stores, at the time of their own clocks', async () => {
    const made = await Promise.all([create(one, 'A'), create(two, 'B')]);
    expect(made.map(({ status, body }) => [status, Date.parse(body.validFrom)])).toEqual([
      [201, startOfTime + 1_000],
      [201, startOfTime + 1_000 + day],
    ]);
    expect((await read(one, 'A')).body.value).toBe('a value of A');
    expect((await read(two, 'B')).body.value).toBe('a value of B');
    expect([(await read(one, 'B')).status, (await read(two, 'A')).status]).toEqual([404, 404]);
    const [ofOne, ofTwo] = [await one.stored(), await two.stored()];
    expect([ofOne.includes('"one"'), ofOne.includes('"two"')]).toEqual([true, false]);
    expect([ofTwo.includes('"one"'), ofTwo.includes('"two"')]).toEqual([false, true]);
  });

  it('accept only tokens of their own policies, also after one has got another policy', async () => {
    expect((await one.ask(two.token, 'GET', '/v1/whoami')).status).toBe(401);
    expect((await two.ask(one.token, 'GET', '/v1/whoami')).status).toBe(401);
    const { digest } = one.identity.state() ?? {};
    two.identity.use({ issuers: [] }, 'file');
    two.identity.refuse('line 3 is wrong');
    expect((await two.ask(two.token, 'GET', '/v1/whoami')).status).toBe(401);
    const { status, body } = await one.ask(one.token, 'GET', '/v1/status');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      ...{ version: 'one', node: { name: 'one' }, policy: { digest, fault: null } },
    });
  });

  it('fail by their own keys', async () => {
    setKeyState(two.keyFile, 'Disabled');
    expect((await read(one, 'A')).status).toBe(200);
    expect((await create(one, 'C')).status).toBe(201);
    expect((await one.ask(one.token, 'PUT', '/v1/secrets/C', { value: 'next' })).status).toBe(200);
  });

  it('have one chain of log lines each, and dsvault log check finds nothing wrong in the mixed lines', async () => {
    const runs = Map.groupBy(lines, (line) => JSON.parse(line).service as string);
    expect([...runs.keys()].sort()).toEqual(['one', 'two']);
    for (const ofVault of runs.values()) {
      const parsed = ofVault.map((line) => JSON.parse(line));
      expect(new Set(parsed.map(({ run }) => run)).size).toBe(1);
      expect(parsed.map(({ seq }) => seq)).toEqual(parsed.map((_, index) => index + 1));
    }
    const folder = freshFolder();
    const check = async (...texts: readonly (readonly string[])[]) => {
      const files = texts.map((text, index) => {
        const file = join(folder, `log-${index}`);
        writeFileSync(file, text.join(''));
        return file;
      });
      const words = [
        resolve('cli/dsvault.js'),
        'log',
        'check',
        '--clocks',
        '90000s',
        '--file',
        ...files,
      ];
      return await promisify(execFile)(process.execPath, words).then(
        ({ stdout }) => stdout,
        ({ stdout, stderr }) => `${stdout}${stderr}`,
      );
    };
    const both = '2 runs that begin with line 1: 13 lines, none missing, none changed';
    expect(await check(...runs.values())).toBe(`0 contradictions in 13 requests\n${both}\n`);
    // In one file, the clock of the first vault seems to go back.
    expect(await check(lines)).toMatch(new RegExp(`^0 contradictions in 13 .*\n${both}\n$`));
    const [, , lost] = runs.get('one') ?? [];
    const less = await check(lines.filter((line) => line !== lost));
    expect(less).toMatch(/^run .*: lines 1 to 5, none missing, none changed$/m);
    expect(less).toContain('missing: line 3, ');
  });
});
