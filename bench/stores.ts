/** The measured stores: vaults that the bench starts, and OpenBao, which the user has started. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, openSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Dispatcher, Pool } from 'undici';
import { openTokenKey } from '../host/identity/token-key.ts';
import { startProgram } from '../host/process/supervisor.ts';
import { failure, sentenceOf } from '../system/failures.ts';

export const operations = ['create', 'update', 'get'] as const;
export type Operation = (typeof operations)[number];

/** Performs one operation for one of the clients, counted from 0. */
export type Task = (client: number) => Promise<void>;

export type Store = {
  readonly name: string;
  /**
   * Prepares an operation and returns the task that performs it. Nothing else uses the secrets that
   * are prepared for it.
   */
  readonly prepare: (operation: Operation) => Promise<Task>;
};

type Request = {
  readonly method: Dispatcher.HttpMethod;
  readonly path: string;
  readonly body?: unknown;
};

/** The requests of one kind of store. `version` is the current version of the secret. */
type Requests = {
  readonly create: (name: string, value: string) => Request;
  readonly update: (name: string, value: string, version: number) => Request;
  readonly get: (name: string) => Request;
};

const requestsOfVault: Requests = {
  create: (name, value) => ({ method: 'POST', path: '/v1/secrets', body: { name, value } }),
  update: (name, value) => ({ method: 'PUT', path: `/v1/secrets/${name}`, body: { value } }),
  get: (name) => ({ method: 'GET', path: `/v1/secrets/${name}` }),
};

const writeOfOpenBao = (name: string, value: string, version: number): Request => ({
  method: 'POST',
  path: `/v1/secret/data/${name}`,
  body: { options: { cas: version }, data: { value } },
});
const requestsOfOpenBao: Requests = {
  create: (name, value) => writeOfOpenBao(name, value, 0),
  update: writeOfOpenBao,
  get: (name) => ({ method: 'GET', path: `/v1/secret/data/${name}` }),
};

/** The number of secrets that are read in rotation, and the largest number of clients. */
const prepared = 64;
const silenceMs = 15_000;
const startLimitMs = 90_000;

/** Returns a new value of 256 characters. */
const newValue = (): string => randomBytes(128).toString('hex');

/** A store that runs at these addresses, which are given to the clients in turn. */
const storeAt = (
  name: string,
  urls: readonly string[],
  credentials: Readonly<Record<string, string>>,
  requests: Requests,
): Store => {
  const headers = { ...credentials, 'Content-Type': 'application/json' };
  const limits = { headersTimeout: silenceMs, bodyTimeout: silenceMs };
  const pools = urls.map((url) => new Pool(url, limits));

  const send = async (client: number, { method, path, body }: Request): Promise<void> => {
    const pool = pools[client % pools.length];
    if (pool === undefined) throw new Error('there is no address to send to');
    const text = body === undefined ? null : JSON.stringify(body);
    const reply = await pool.request({ method, path, headers, body: text }).catch((cause) => {
      throw failure(`${name} does not answer: ${sentenceOf(cause)}`, { cause });
    });
    const answered = await reply.body.text();
    if (reply.statusCode < 300) return;
    const said = `${reply.statusCode}: ${answered.slice(0, 300)}`;
    throw failure(`${name} answered ${method} ${path} with ${said}`);
  };

  const prepare = async (operation: Operation): Promise<Task> => {
    const prefix = `B${randomBytes(5).toString('hex')}`;
    const nameOf = (index: number): string => `${prefix}_${index}`;
    const create = (client: number, index: number): Promise<void> =>
      send(client, requests.create(nameOf(index), newValue()));
    let turn = 0;
    if (operation === 'create') {
      return (client) => {
        turn += 1;
        return create(client, turn);
      };
    }
    for (let index = 0; index < prepared; index += 1) await create(0, index);
    if (operation === 'get') {
      return (client) => {
        turn += 1;
        return send(client, requests.get(nameOf(turn % prepared)));
      };
    }
    const versions = new Map<number, number>();
    return async (client) => {
      const version = versions.get(client) ?? 1;
      await send(client, requests.update(nameOf(client), newValue(), version));
      versions.set(client, version + 1);
    };
  };
  return { name, prepare };
};

/** The program of each subject, relative to a checkout. */
export const programs = { start: 'host/bin/start.ts', cluster: 'local/bin/cluster.ts' } as const;
export type Subject = keyof typeof programs;

const listening = /^(?:vault|cluster) listening on (.+)$/m;

/**
 * Starts the program of a checkout on an empty folder in `folder`. It ends with the bench. Its
 * output goes to a file, so that nobody needs to read it. If it does not start, throws a
 * user-facing error with the end of that file.
 */
export const startVault = async (
  name: string,
  subject: Subject,
  checkout: string,
  folder: string,
): Promise<Store> => {
  const own = mkdtempSync(join(folder, `${name}-`));
  const [data, log] = [join(own, 'data'), join(own, 'log')];
  const output = openSync(log, 'a');
  // Settings of the user's own vault must not reach this one.
  const { PATH, HOME, TMPDIR, NODE_OPTIONS } = process.env;
  const settings = { VAULT_DATA_DIR: data, PORT: '0', CLUSTER_PORT: '0' };
  const child = startProgram(process.execPath, [programs[subject]], {
    cwd: resolve(checkout),
    env: { PATH, HOME, TMPDIR, NODE_OPTIONS, ...settings },
    stdio: ['ignore', output, output],
  });
  const until = performance.now() + startLimitMs;
  for (;;) {
    const text = readFileSync(log, 'utf8');
    const [, urls] = listening.exec(text) ?? [];
    if (urls !== undefined) {
      const key = await openTokenKey(subject === 'cluster' ? join(data, 'key') : data);
      const scope = 'secrets:read secrets:write';
      const token = await key.issue({ tenant: 'bench', sub: 'bench', scope }, 3_600);
      const credentials = { Authorization: `Bearer ${token}` };
      return storeAt(name, urls.split(' '), credentials, requestsOfVault);
    }
    if (child.exitCode !== null || performance.now() > until) {
      throw failure(`${name} did not start: ${text.slice(-2_000)}`);
    }
    await sleep(20);
  }
};

/** The nodes of an OpenBao at these addresses. */
export const openBaoAt = (urls: readonly string[], token: string): Store =>
  storeAt('OpenBao', urls, { 'X-Vault-Token': token }, requestsOfOpenBao);
