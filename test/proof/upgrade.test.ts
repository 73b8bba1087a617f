/**
 * The last release and today's code serve the same table with the same master key at the same time,
 * as functions do while a stack is updated. Clients send requests to both.
 */
import { randomUUID } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { withIncluded } from '../../functions/model/types.ts';
import { buildChecker, checkHistory } from '../cluster/chaos/checker.ts';
import { type Crowd, startCrowd } from '../cluster/chaos/crowd.ts';
import { openHistory } from '../cluster/chaos/history.ts';
import { startDynamodb, type TestDynamodb } from '../support/dynamodb.ts';
import { githubPolicy, githubToken } from '../support/github-access.ts';
import { type KmsServer, startKms } from '../support/kms-server.ts';
import { addressOf, freshFolder, type LocalProcess, runFile } from '../support/local-process.ts';
import { closeConnections, exchange } from '../support/raw-http.ts';
import { openReleased, programFile } from '../support/released.ts';
import { freshName } from '../support/running-vault.ts';
import { kmsOf, servicesOf } from '../support/second-vault.ts';
import { issueToken } from '../support/tokens.ts';

const codes = { released: '', today: process.cwd() };
type Code = keyof typeof codes;
const bothOrders: readonly [Code, Code][] = [
  ['released', 'today'],
  ['today', 'released'],
];

const folder = freshFolder();
const [data, beside] = [join(folder, 'data'), join(folder, 'beside')];
const policy = join(folder, 'access.yaml');
let dynamodb: TestDynamodb;
beforeAll(async () => {
  codes.released = openReleased();
  buildChecker();
  writeFileSync(policy, githubPolicy());
  dynamodb = await startDynamodb();
});
afterAll(async () => {
  await dynamodb.close();
  rmSync(folder, { recursive: true, force: true });
});

const run = (code: Code, program: string, args: readonly string[], env: NodeJS.ProcessEnv) =>
  runFile(programFile(codes[code], program), args, env);
/**
 * Returns the last line that a program printed, and fails if the program failed. Progress on stderr
 * is allowed.
 */
const lastLineOf = async ({ exit, output, errors }: LocalProcess): Promise<string> => {
  expect({ code: await exit, errors }).toMatchObject({ code: 0 });
  return output.at(-1) ?? '';
};

/** Removes the anchors from an answer, because the last release shows none. */
const withoutAnchors = (json: object): object =>
  JSON.parse(JSON.stringify(json, (name, value) => (name === 'anchor' ? undefined : value)));

type Request = readonly [method: string, path: string, body?: object];
type Headers = Readonly<Record<string, string>>;

// The first host of each pair owns the folder with the key. The second pair also opens what the
// first pair has written into the table.
describe.each(bothOrders)('a vault with the hosts "%s" and "%s"', (owner, other) => {
  let kms: KmsServer;
  const hosts = new Map<Code, { readonly process: LocalProcess; readonly url: string }>();
  const tokens = new Map<Code, string>();

  const startHost = async (code: Code, env: NodeJS.ProcessEnv): Promise<void> => {
    const started = run(code, 'start', [], { ...env, PORT: '0', AUTH_POLICY_FILE: policy });
    hosts.set(code, { process: started, url: await addressOf(started) });
  };
  const makeToken = async (code: Code): Promise<void> => {
    const scope = 'secrets:read secrets:write secrets:delete secrets:destroy';
    const words = ['--tenant', 'acme', '--sub', 'alice', '--scope', scope];
    tokens.set(code, await lastLineOf(run(code, 'token', words, { VAULT_DATA_DIR: data })));
  };
  /** Returns the answer of the host, without the parts that differ in every answer. */
  const ask = async (code: Code, [method, path, body]: Request, headers: Headers = {}) => {
    const sent = { Authorization: `Bearer ${tokens.get(code)}`, ...headers };
    const reply = await exchange({
      ...{ method, url: hosts.get(code)?.url ?? '', path, body: body && JSON.stringify(body) },
      headers: { ...sent, ...(body && { 'Content-Type': 'application/json' }) },
    });
    const { requestId: _, ...json } = reply.text === '' ? {} : JSON.parse(reply.text);
    return { status: reply.status, etag: reply.headers.get('etag') ?? '', json, reply };
  };
  const store = async (code: Code, name: string): Promise<string> => {
    expect((await ask(code, ['POST', '/v1/secrets', { name, value: 'v' }])).status).toBe(201);
    return name;
  };

  const runDsvault = async (code: Code, host: Code, args: readonly string[]) => {
    const ran = runFile(join(codes[code], 'cli/dsvault.js'), args, {
      DSVAULT_ADDR: hosts.get(host)?.url,
      DSVAULT_TOKEN: tokens.get(host),
    });
    return [await ran.exit, ran.output, ran.errors.join()] as const;
  };

  beforeAll(async () => {
    await startHost(owner, { ...dynamodb.environment, VAULT_DATA_DIR: data });
    rmSync(beside, { recursive: true, force: true });
    mkdirSync(beside, { mode: 0o700 });
    // With a copy of this key, the second host also accepts the tokens of this machine.
    cpSync(join(data, 'token-key.json'), join(beside, 'token-key.json'));
    kms = await startKms({ folder: data });
    // The last release cannot use a key file, so it gets a KMS.
    const key = other === 'released' ? kmsOf(data, kms.endpoint) : {};
    await startHost(other, { ...servicesOf(data), ...key, VAULT_DATA_DIR: beside });
    // Each host gets a token that the program of its own release makes.
    await makeToken(owner);
    await makeToken(other);
  });
  afterAll(async () => {
    closeConnections();
    for (const { process: running } of [...hosts.values()].toReversed()) {
      running.child.kill('SIGTERM');
      await running.exit;
    }
    await kms.close();
  });

  // Shows G16.
  it('gives linearizable replies to clients that ask both', async () => {
    const file = join(folder, `${owner}.jsonl`);
    const history = openHistory(file);
    const crowd: Crowd = startCrowd({
      ...{ seed: bothOrders.findIndex(([first]) => first === owner), clients: 8, history },
      token: tokens.get('today') ?? '',
      urls: [...hosts.values()].map(({ url }) => url),
      // On a busy machine a host may refuse requests for a moment.
      othersMax: 24,
      isOver: (asked) => asked >= 600 || (asked > 0 && crowd.unplanned.length > 0),
    });
    await crowd.ended;
    expect({ ...crowd, refusals: crowd.refusals() }).toMatchObject({ unplanned: [], refusals: 0 });
    await crowd.readAll();
    await history.close();
    expect(await checkHistory(file)).toMatchObject({ verdict: 'Ok', problems: [] });
  });

  // Shows G16.
  it.each<[string, (name: string) => Request]>([
    ['create', (name) => ['POST', '/v1/secrets', { name: `${name}_NEW`, value: 'w' }]],
    ['update', (name) => ['PUT', `/v1/secrets/${name}`, { value: 'w', note: 'n' }]],
    ['deletion', (name) => ['DELETE', `/v1/secrets/${name}`]],
    [
      'encrypted file',
      (name) => [
        'POST',
        '/v1/env/encrypt',
        { content: `A=enc(${name}_A)\n`, values: { [`${name}_A`]: 'w' } },
      ],
    ],
    [
      'submitted file',
      (name) => [
        'POST',
        '/v1/env',
        { content: `A=enc(${name}_B)\nB=secret(${name})\n`, values: { [`${name}_B`]: 'w' } },
      ],
    ],
  ])('answers a %s repeated at the other host as the first host did', async (_, requestOf) => {
    for (const [first, second] of bothOrders) {
      const request = requestOf(await store(first, freshName()));
      const key = { 'Idempotency-Key': randomUUID() };
      const answer = await ask(first, request, key);
      const again = await ask(second, request, key);
      expect(again).toMatchObject({ status: answer.status, json: withoutAnchors(answer.json) });
      expect(again.reply.headers.get('idempotency-replayed')).toBe('true');
      const reused = await ask(second, ['PUT', '/v1/secrets/OTHER', { value: 'x' }], key);
      expect(reused.json.code).toBe('idempotency_key_reused');
    }
  });

  // Shows G16.
  it('lets the dsvault of either release lock, compare and bump a file at the host of the other release', async () => {
    for (const [code, host] of bothOrders) {
      const name = await store(host, freshName());
      const [file, lock] = [join(folder, `${name}.env`), join(folder, `${name}.env.lock`)];
      writeFileSync(file, `A=secret(${name})\n`);
      const dsvault = (...args: readonly string[]) => runDsvault(code, host, args);
      expect((await dsvault('lock', file)).slice(0, 2)).toEqual([0, []]);
      expect(readFileSync(lock, 'utf8')).toBe(`A=secret(${name}@1)\n`);
      const update = await ask(host, ['PUT', `/v1/secrets/${name}`, { value: 'w' }]);
      expect(update.status).toBe(200);
      expect((await dsvault('outdated', lock))[1][1]).toMatch(/ 1 +2 +outdated /);
      expect((await dsvault('bump', '--all', '-f', lock))[0]).toBe(0);
      expect((await dsvault('env', 'expand', lock)).slice(0, 2)).toEqual([0, ['A=w']]);
      // The last release does not know anchors, and refuses them.
      const anchored = join(folder, `${name}.anchored`);
      writeFileSync(anchored, `A=secret(${name}@1.k3f9qzTb)\n`);
      const refusal = host === 'released' ? '[malformed_reference]' : '[pin_mismatch]';
      expect((await dsvault('env', 'expand', anchored))[2]).toContain(refusal);
      if (code === 'released') {
        expect((await dsvault('outdated', anchored))[2]).toContain('[malformed_reference]');
        continue;
      }
      const [exitCode, , error] = await dsvault('lock', file, '--anchors', '--out', anchored);
      expect([exitCode, error]).toEqual([1, expect.stringContaining('the vault shows no anchors')]);
    }
  });

  // Shows G16.
  it('shows on the last release, which knows no copies, what a keyed copy on the code of today has stored', async () => {
    const name = await store('released', freshName());
    const copy: Request = ['POST', `/v1/secrets/${name}/copies`, { from: { version: 1 } }];
    const key = { 'Idempotency-Key': randomUUID() };
    expect((await ask('released', copy, key)).json).toMatchObject({ code: 'route_not_found' });
    expect((await ask('today', copy, key)).json).toMatchObject({ version: 2 });
    const read = await ask('released', ['GET', `/v1/secrets/${name}`]);
    expect(read.json).toMatchObject({ version: 2, value: 'v' });
    const reused = await ask('released', ['PUT', `/v1/secrets/${name}`, { value: 'x' }], key);
    expect(reused.json.code).toBe('idempotency_key_reused');
  });

  // Shows G16.
  it('rolls a secret back with the dsvault of either release, except with that of today at a host of the last release', async () => {
    const name = await store('released', freshName());
    const rollBack = (code: Code, host: Code) =>
      runDsvault(code, host, ['rollback', name, '--to', '1']);
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
    // The last release refuses `@next`, but can read the versions that today's release stored for
    // it, and update their secrets.
    for (const name of names) {
      const { json } = await ask('released', ['GET', `/v1/secrets/${name}`]);
      expect(json).toMatchObject({ version: 2, value: 'w' });
      const updated = await ask('released', ['PUT', `/v1/secrets/${name}`, { value: 'x' }]);
      expect(updated.json.version).toBe(3);
    }
    expect((await ask('released', request, key)).status).toBe(422);
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
      const [exitCode, , error] = await runDsvault('today', 'released', command);
      const sentence =
        'the vault knows no enc(NAME@next): upgrade the vault to the release of this program';
      expect([command, exitCode, error]).toEqual([command, 6, expect.stringContaining(sentence)]);
    }
  });

  // Shows G16.
  it('writes with an anchor in If-Match at the host of today if the version has that anchor, and at the other host never', async () => {
    const name = await store('released', freshName());
    const { json } = await ask('today', ['GET', `/v1/secrets/${name}`]);
    const write = async (code: Code, anchor: string) => {
      const headers = { 'If-Match': `"1.${anchor}"` };
      return (await ask(code, ['PUT', `/v1/secrets/${name}`, { value: 'w' }], headers)).status;
    };
    expect(await write('released', json.anchor)).toBe(412);
    expect(await write('today', 'k3f9qzTb')).toBe(412);
    expect(await write('today', json.anchor)).toBe(200);
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

      for (const Authorization of [`Bearer ${tokens.get(first)}`, `Bearer ${githubToken()}`]) {
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
  it.each<[Code, number, number]>([
    ['released', 403, 403],
    ['today', 200, 403],
  ])(
    'answers at the host "%s" with %d, and with %d to a request for values, if the token has secrets:list alone',
    async (code, listed, valued) => {
      const name = await store(code, freshName());
      const Authorization = `Bearer ${issueToken(data, { scope: 'secrets:list' })}`;
      for (const [status, path] of [
        [listed, `/v1/secrets`],
        [listed, `/v1/secrets/${name}/versions`],
        [valued, `/v1/secrets/${name}/versions?include=values`],
        [valued, `/v1/secrets/${name}`],
      ] as const) {
        expect((await ask(code, ['GET', path], { Authorization })).status).toBe(status);
      }
    },
  );
});

/** Returns all items of a vault in the order of their keys, and those that break an invariant. */
const inspect = async (code: Code, env: NodeJS.ProcessEnv) => {
  const ask = async (...words: readonly string[]) => {
    const { exit, output } = run(code, 'inspect', words, env);
    await exit;
    return JSON.parse(output.join('\n'));
  };
  const { items } = await ask('--json');
  const { violations } = await ask('--json', '--verify');
  const keyOf = ({ pk, sk }: Record<string, string>) => `${pk} ${sk}`;
  return { items: items.sort((a: never, b: never) => (keyOf(a) < keyOf(b) ? -1 : 1)), violations };
};

// Shows G14, G16.
it("the last release and today's code find the same items, and nothing wrong with them", async () => {
  const env = { ...dynamodb.environment, VAULT_DATA_DIR: data };
  const found = await inspect('released', env);
  expect(found.items.length).toBeGreaterThan(100);
  expect(found.violations).toEqual([]);
  expect(await inspect('today', env)).toEqual(found);
});

// Shows G16.
it('a backup moves the data of npm start from the last release to the code of today, and back', async () => {
  const env = { VAULT_DATA_DIR: join(folder, 'own') };
  mkdirSync(env.VAULT_DATA_DIR, { mode: 0o700 });
  /** Serves the folder, and stores what both releases support. */
  const live = async (code: Code): Promise<void> => {
    const served = run(code, 'start', [], { ...env, PORT: '0' });
    const url = await addressOf(served);
    const scope = 'secrets:read secrets:write secrets:delete secrets:destroy';
    const words = ['--tenant', 'acme', '--sub', 'alice', '--scope', scope];
    const token = await lastLineOf(run(code, 'token', words, env));
    const send = async (method: string, path: string, body?: object) => {
      const headers = {
        ...{ Authorization: `Bearer ${token}`, 'Idempotency-Key': randomUUID() },
        ...(body && { 'Content-Type': 'application/json' }),
      };
      const sent = { method, url, path, headers, body: body && JSON.stringify(body) };
      expect((await exchange(sent)).status).toBeLessThan(300);
    };
    for (const name of [freshName('MOVED'), freshName('GONE')]) {
      await send('POST', '/v1/secrets', { name, value: 'one', note: 'kept' });
      await send('PUT', `/v1/secrets/${name}`, { value: 'two' });
      await send('DELETE', `/v1/secrets/${name}/versions/1`);
      if (name.startsWith('GONE')) await send('DELETE', `/v1/secrets/${name}`);
    }
    closeConnections();
    served.child.kill('SIGTERM');
    expect(await served.exit).toBe(0);
  };
  const putAside = (store: string): void => {
    for (const name of readdirSync(env.VAULT_DATA_DIR).filter((one) => one.startsWith(store))) {
      renameSync(join(env.VAULT_DATA_DIR, name), join(folder, name));
    }
  };
  const move = async (from: Code, to: Code, store: string): Promise<void> => {
    await live(from);
    const before = await inspect(from, env);
    expect(before.violations).toEqual([]);
    const file = join(folder, `by-${from}.backup`);
    await lastLineOf(run(from, 'backup', [file], env));
    putAside(store);
    await lastLineOf(run(to, 'restore', [file], env));
    expect(await inspect(to, env)).toEqual(before);
  };
  await live('released');
  const refused = run('today', 'start', [], { ...env, PORT: '0' });
  expect([await refused.exit, refused.errors.join()]).toEqual([
    78,
    expect.stringMatching(
      /holds data of release 1\.0\.0 or older \(store\.sqlite.*\): make a backup/,
    ),
  ]);
  await move('released', 'today', 'store.sqlite');
  await move('today', 'released', 'vault.sqlite');
  await live('released');
});

// Shows G16.
it('the last release refuses a policy that names secrets:list, which the code of today accepts', async () => {
  const file = join(folder, 'listing.yaml');
  writeFileSync(file, githubPolicy().replace('[secrets:read]', '[secrets:list]'));
  const env = { ...dynamodb.environment, VAULT_DATA_DIR: data, PORT: '0', AUTH_POLICY_FILE: file };
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
