/**
 * A release and today's code, which serve the same table with the same master key at the same time,
 * as functions do while a stack is updated.
 */
import { randomUUID } from 'node:crypto';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { buildChecker, checkHistory } from '../cluster/chaos/checker.ts';
import { type Crowd, startCrowd } from '../cluster/chaos/crowd.ts';
import { openHistory } from '../cluster/chaos/history.ts';
import { startDynamodb, type TestDynamodb } from './dynamodb.ts';
import { githubPolicy } from './github-access.ts';
import { addressOf, freshFolder, type LocalProcess, runFile } from './local-process.ts';
import { closeConnections, exchange } from './raw-http.ts';
import { openReleased, programFile, type Release } from './released.ts';
import { freshName } from './running-vault.ts';
import { servicesOf } from './second-vault.ts';

export type Code = 'released' | 'today';
export type Request = readonly [method: string, path: string, body?: object];
export type Headers = Readonly<Record<string, string>>;

/** Which code owns the folder with the key and is asked first, and which one is the other. */
export const bothOrders: readonly (readonly [Code, Code])[] = [
  ['released', 'today'],
  ['today', 'released'],
];

const scope = 'secrets:read secrets:write secrets:delete secrets:destroy';

/**
 * Returns the last line that a program printed, and fails if the program failed. Progress on stderr
 * is allowed.
 */
export const lastLineOf = async ({ exit, output, errors }: LocalProcess): Promise<string> => {
  expect({ code: await exit, errors }).toMatchObject({ code: 0 });
  return output.at(-1) ?? '';
};

export type TwoReleases = ReturnType<typeof useTwoReleases>;

/** Prepares a DynamoDB and a folder for the code of the release and that of today. */
export const useTwoReleases = (release: Release) => {
  const codes = { released: '', today: process.cwd() };
  const folder = freshFolder();
  const data = join(folder, 'data');
  const policy = join(folder, 'access.yaml');
  let dynamodb: TestDynamodb;
  beforeAll(async () => {
    codes.released = await openReleased(release);
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
  /** Returns a token with all scopes, which the code makes for the vault on this folder. */
  const makeToken = (code: Code, dataDir: string): Promise<string> => {
    const words = ['--tenant', 'acme', '--sub', 'alice', '--scope', scope];
    return lastLineOf(run(code, 'token', words, { VAULT_DATA_DIR: dataDir }));
  };
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
    return {
      items: items.sort((a: never, b: never) => (keyOf(a) < keyOf(b) ? -1 : 1)),
      violations,
    };
  };
  return {
    ...{ codes, folder, data, policy, run, makeToken, inspect },
    dynamodb: () => dynamodb.environment,
  };
};

/**
 * Serves the vault on the folder with `npm start` of this code, and stores what all releases
 * support: for each of two names two versions, a destroyed one, and a deletion of the second name.
 */
export const live = async (
  { run, makeToken }: TwoReleases,
  code: Code,
  env: { readonly VAULT_DATA_DIR: string },
): Promise<void> => {
  const served = run(code, 'start', [], { ...env, PORT: '0' });
  const url = await addressOf(served);
  const token = await makeToken(code, env.VAULT_DATA_DIR);
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

export type TwoHosts = ReturnType<typeof useTwoHosts>;

/**
 * Starts a host of each code for the tests of the current `describe`, first the one that owns the
 * folder with the key.
 */
export const useTwoHosts = (
  { codes, folder, data, policy, run, makeToken, dynamodb }: TwoReleases,
  [owner, other]: readonly [Code, Code],
) => {
  const beside = join(folder, 'beside');
  const hosts = new Map<Code, { readonly process: LocalProcess; readonly url: string }>();
  const tokens = new Map<Code, string>();

  const startHost = async (code: Code, env: NodeJS.ProcessEnv): Promise<void> => {
    const started = run(code, 'start', [], { ...env, PORT: '0', AUTH_POLICY_FILE: policy });
    hosts.set(code, { process: started, url: await addressOf(started) });
  };
  beforeAll(async () => {
    await startHost(owner, { ...dynamodb(), VAULT_DATA_DIR: data });
    rmSync(beside, { recursive: true, force: true });
    mkdirSync(beside, { mode: 0o700 });
    // With a copy of this key, the second host also accepts the tokens of this machine.
    cpSync(join(data, 'token-key.json'), join(beside, 'token-key.json'));
    await startHost(other, { ...servicesOf(data), VAULT_DATA_DIR: beside });
    // Each host gets a token that the program of its own release makes.
    for (const code of [owner, other]) tokens.set(code, await makeToken(code, data));
  });
  afterAll(async () => {
    closeConnections();
    for (const { process: running } of [...hosts.values()].toReversed()) {
      running.child.kill('SIGTERM');
      await running.exit;
    }
  });

  const tokenOf = (code: Code): string => tokens.get(code) ?? '';
  /** Returns the answer of the host, without the parts that differ in every answer. */
  const ask = async (code: Code, [method, path, body]: Request, headers: Headers = {}) => {
    const sent = { Authorization: `Bearer ${tokenOf(code)}`, ...headers };
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
  /** Runs the `dsvault` of a release at one of the hosts. */
  const dsvault = async (code: Code, host: Code, ...args: readonly string[]) => {
    const ran = runFile(join(codes[code], 'cli/dsvault.js'), args, {
      DSVAULT_ADDR: hosts.get(host)?.url,
      DSVAULT_TOKEN: tokenOf(host),
    });
    return [await ran.exit, ran.output, ran.errors.join()] as const;
  };
  /** Expects that clients that ask both hosts get linearizable replies. */
  const expectLinearizable = async (): Promise<void> => {
    const file = join(folder, `${owner}.jsonl`);
    const history = openHistory(file);
    const crowd: Crowd = startCrowd({
      ...{ seed: bothOrders.findIndex(([first]) => first === owner), clients: 8, history },
      token: tokenOf('today'),
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
  };
  /** Returns the lines that the host has logged so far. */
  const logOf = (code: Code): readonly string[] => {
    const { output, errors } = hosts.get(code)?.process ?? { output: [], errors: [] };
    return [...output, ...errors].filter((line) => line.startsWith('{'));
  };
  return { ask, store, dsvault, tokenOf, logOf, expectLinearizable };
};

/** Requests for a stored secret that a host must not carry out twice. */
export const keyedRequests: readonly (readonly [string, (name: string) => Request])[] = [
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
  ['copy', (name) => ['POST', `/v1/secrets/${name}/copies`, { from: { version: 1 } }]],
  [
    'file of next versions',
    (name) => [
      'POST',
      '/v1/env/encrypt',
      { content: `A=enc(${name}@next)\n`, values: { [name]: 'w' } },
    ],
  ],
];

/** Expects that each host, asked again with the same key, gives the first host's answer. */
export const expectOneAnswer = async (
  { ask, store }: TwoHosts,
  requestOf: (name: string) => Request,
): Promise<void> => {
  for (const [first, second] of bothOrders) {
    const request = requestOf(await store(first, freshName()));
    const key = { 'Idempotency-Key': randomUUID() };
    const answer = await ask(first, request, key);
    expect(answer.status).toBeLessThan(300);
    const again = await ask(second, request, key);
    expect(again).toMatchObject({ status: answer.status, json: answer.json });
    expect(again.reply.headers.get('idempotency-replayed')).toBe('true');
    const reused = await ask(second, ['PUT', '/v1/secrets/OTHER', { value: 'x' }], key);
    expect(reused.json.code).toBe('idempotency_key_reused');
  }
};
