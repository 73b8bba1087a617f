/**
 * A vault as its callers see it: `host/bin/start.ts` as a process on a new folder, or, with
 * `TEST_BASE_URL`, a vault that is already running on the folder `VAULT_DATA_DIR`. Every reply and
 * every accepted request is checked against docs/openapi.yaml, so any test that sends requests also
 * checks the contract.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { freshName } from './fresh-name.ts';
import { addressOf, freshFolder, type LocalProcess, runLocal } from './local-process.ts';
import { describeWith, itWith } from './needs.ts';
import {
  checkAccepted,
  checkReply,
  checkRoute,
  operationOf,
  type ReplyHeaders,
} from './openapi.ts';
import { closeConnections, exchange, type RawReply, type RawRequest } from './raw-http.ts';
import { sendUntilFinal } from './repeated-requests.ts';
import { type Claims, issueToken } from './tokens.ts';

export { freshName } from './fresh-name.ts';

/** Whether this run starts its own vaults, behind the local gateway. */
export const isLocal = process.env['TEST_BASE_URL'] === undefined;

const ownVault = `its own vault instead of ${process.env['TEST_GATEWAY'] ?? 'TEST_BASE_URL'}`;
/** For tests that need a vault of their own, with its processes, files and gateway. */
export const describeLocal = describeWith(ownVault, isLocal);
export const itLocal = itWith(ownVault, isLocal);

/**
 * Returns the headers for a write that competes with many others. Behind another gateway a slow
 * function may leave its outcome unclear, so there it gets an idempotency key and can be repeated.
 * Behind the local gateway that is not needed.
 */
export const repeatable = (): Readonly<Record<string, string>> =>
  isLocal ? {} : { 'Idempotency-Key': randomUUID() };

/**
 * The properties that replies can have. Before a test sees a reply, it has been checked for the
 * properties of its status.
 */
type ReplyBody = {
  readonly name?: string;
  readonly version?: number;
  readonly anchor?: string;
  readonly value?: string;
  readonly encoding?: 'utf8' | 'base64';
  readonly validFrom?: string;
  readonly validTo?: string | null;
  readonly versions?: readonly ListedVersion[];
  readonly names?: readonly string[];
  readonly nextCursor?: string | null;
  readonly content?: string;
  readonly pinned?: string;
  readonly created?: readonly { readonly name: string; readonly version: number }[];
  readonly resolved?: readonly { readonly name: string; readonly version: number }[];
  readonly warnings?: readonly { readonly line: number; readonly code: string }[];
  readonly tag?: string;
  readonly unchanged?: true;
  readonly note?: string;
  readonly secrets?: readonly SecretDetails[];
  readonly destroyedAt?: string;
  readonly destroyedBy?: string;
  readonly code?: string;
  readonly field?: string;
  readonly detail?: string;
  readonly requestId?: string;
  readonly errors?: readonly { readonly line: number; readonly code: string; name?: string }[];
  readonly errorsTotal?: number;
  readonly policy?: { readonly digest: string | null; readonly fault: string | null };
};
export type ListedVersion = {
  readonly version: number;
  readonly anchor: string;
  readonly validFrom: string;
  readonly validTo: string | null;
  readonly state: 'stored' | 'deleted' | 'destroyed';
  readonly createdBy: string;
  readonly note?: string;
  readonly masterKeyId?: string;
  readonly value?: string;
};
type SecretDetails = Pick<
  ListedVersion,
  'version' | 'state' | 'validFrom' | 'createdBy' | 'note'
> & {
  readonly name: string;
};

export type Reply = {
  readonly status: number;
  readonly headers: ReplyHeaders;
  readonly text: string;
  /** Empty if the reply is a file. */
  readonly json: ReplyBody;
  /** The id of the operation that answered. Undefined if the gateway itself did. */
  readonly operationId: string | undefined;
  /** How often the request was sent. Always 1 behind the local gateway. */
  readonly tries: number;
};

export type Call = {
  readonly token?: string;
  /** A body sent as JSON. */
  readonly body?: unknown;
  /** A file sent as `text/plain`. */
  readonly file?: string;
  /** A raw body, sent as JSON unless `headers` say otherwise. */
  readonly raw?: string | Uint8Array;
  readonly headers?: RawRequest['headers'];
};

export type RunningVault = {
  readonly dataDir: string;
  /** The path of the file with the access policy, if the vault was started with one. */
  readonly policyFile: string;
  readonly baseUrl: () => string;
  /** The process that was started last; undefined if the vault was already running. */
  readonly process: () => LocalProcess | undefined;
  /** The output of all processes of this vault, including earlier ones. */
  readonly lines: () => readonly string[];
  /** Returns a token, by default for the tenant of this vault. */
  readonly token: (claims?: Claims) => string;
  /**
   * Sends a request. Throws if there is no reply, or if it breaks the contract. Behind another
   * gateway it repeats requests as a client would.
   */
  readonly call: (method: string, path: string, call?: Call) => Promise<Reply>;
  /** Like `call`, but with the token of `token()`, and with `body` sent as JSON. */
  readonly ask: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Call['headers'],
  ) => Promise<Reply>;
  /** Creates a secret, by default under a new name, and returns the name. */
  readonly create: (value?: string, name?: string) => Promise<string>;
  /**
   * Ends the process and removes the data folder. A vault that was already running stays, with its
   * folder.
   */
  readonly stop: () => Promise<void>;
  readonly kill9: () => Promise<void>;
  /** Starts the vault again on the same folder, after `kill9` has ended it. */
  readonly restart: () => Promise<void>;
};

/**
 * Returns the text of an access policy for a new vault. `tenant` is the tenant that the tests of
 * this vault use.
 */
type PolicyFor = (tenant: string) => string;

/**
 * Starts a vault with these variables, and with an access policy if one is given. A vault that is
 * already running gets neither.
 */
export const startVault = async (
  env: NodeJS.ProcessEnv = {},
  policyFor?: PolicyFor,
): Promise<RunningVault> => {
  const running = process.env['TEST_BASE_URL'];
  const dataDir = (running && process.env['VAULT_DATA_DIR']) || freshFolder();
  const tenant = `tenant-${randomBytes(6).toString('hex')}`;
  const policyFile = join(dataDir, 'access.yaml');
  const given: NodeJS.ProcessEnv = { VAULT_DATA_DIR: dataDir, PORT: '0', ...env };
  if (running === undefined && policyFor !== undefined) {
    writeFileSync(policyFile, policyFor(tenant));
    given['AUTH_POLICY_FILE'] = policyFile;
  }
  const processes: LocalProcess[] = [];
  let baseUrl = running ?? '';
  const start = async () => {
    if (running !== undefined) return;
    const served = runLocal('start', [], given);
    processes.push(served);
    baseUrl = await addressOf(served);
  };
  const end = async (signal: NodeJS.Signals) => {
    closeConnections();
    processes.at(-1)?.child.kill(signal);
    await processes.at(-1)?.exit;
  };
  await start();
  let usual: string | undefined;
  const ask: RunningVault['ask'] = (method, path, body, headers = {}) => {
    usual ??= issueToken(dataDir, { tenant });
    return callVault(baseUrl, method, path, { token: usual, body, headers });
  };
  return {
    dataDir,
    policyFile,
    baseUrl: () => baseUrl,
    process: () => processes.at(-1),
    lines: () => processes.flatMap(({ output, errors }) => [...output, ...errors]),
    token: (claims) => issueToken(dataDir, { tenant, ...claims }),
    call: (method, path, call) => callVault(baseUrl, method, path, call),
    ask,
    create: async (value = 'v', name = freshName()) => {
      expect((await ask('POST', '/v1/secrets', { name, value })).status).toBe(201);
      return name;
    },
    stop: async () => {
      await end('SIGTERM');
      if (running === undefined) rmSync(dataDir, { recursive: true, force: true });
    },
    kill9: () => end('SIGKILL'),
    restart: start,
  };
};

/** Starts a vault before all tests of a file or a `describe`, and ends it after them. */
export const useVault = (policyFor?: PolicyFor, env: NodeJS.ProcessEnv = {}): RunningVault => {
  let vault: RunningVault;
  beforeAll(async () => {
    vault = await startVault(env, policyFor);
  });
  afterAll(() => vault.stop());
  return new Proxy({} as RunningVault, { get: (_, member) => Reflect.get(vault, member) });
};

/**
 * How often a request is sent at most. Behind another gateway, on a busy machine, a request may
 * lose races against others until its time is up, several times in a row.
 */
const triesMax = isLocal ? 1 : 50;

const callVault = async (
  baseUrl: string,
  method: string,
  path: string,
  { token, body, file, raw, headers = {} }: Call = {},
): Promise<Reply> => {
  const sentBody = raw ?? file ?? (body === undefined ? undefined : JSON.stringify(body));
  const sentHeaders = {
    ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    ...(sentBody !== undefined && {
      'Content-Type': file === undefined ? 'application/json' : 'text/plain',
    }),
    ...headers,
  };
  const request = {
    method,
    url: baseUrl,
    path: `${new URL(baseUrl).pathname.replace(/\/$/, '')}${path}`,
    headers: sentHeaders,
    body: sentBody,
  };
  const operation = operationOf(method, path.split('?')[0] ?? '');
  const operationId = operation?.operationId;
  const check = (reply: RawReply): void => {
    const { status, headers: got } = reply;
    const text = method === 'HEAD' && reply.text === '' ? undefined : reply.text;
    const violations =
      operationId === undefined
        ? checkRoute(status, got, text)
        : checkReply(operationId, status, got, text);
    if (operation !== undefined && status < 300) {
      const isFile = /^text/i.test(String(sentHeaders['Content-Type']));
      const json = sentBody === undefined || isFile ? undefined : Buffer.from(sentBody).toString();
      violations.push(...checkAccepted(operation, path, json));
    }
    if (violations.length === 0) return;
    const told = `${method} ${path} → ${status} ${reply.text.slice(0, 600)}`;
    throw new Error(`not as docs/openapi.yaml says: ${told}\n${violations.join('\n')}`);
  };
  const isSafe =
    method === 'GET' ||
    method === 'HEAD' ||
    operationId === 'expand-env' ||
    operationId === 'destroy-version' ||
    Object.hasOwn(headers, 'Idempotency-Key');
  const reply = await sendUntilFinal(() => exchange(request), { triesMax, isSafe, check });
  // Another gateway sets a content type even if the reply has no body.
  const isJson = reply.text !== '' && reply.headers.get('content-type')?.includes('json') === true;
  return { ...reply, operationId, json: isJson ? (JSON.parse(reply.text) as ReplyBody) : {} };
};

/**
 * Returns a reply as text, without what differs from request to request, so that two replies can be
 * compared byte by byte.
 */
export const withoutRequestId = ({ status, headers, text }: Reply): string => {
  const id = headers.get('x-request-id') ?? '';
  // API Gateway adds ids of its own to each reply.
  const differs = /^(date|x-request-id|x-amzn?-.*)$/;
  const kept = [...headers].filter(([name]) => !differs.test(name));
  return [status, ...kept.map(([name, value]) => `${name}: ${value}`), '', text]
    .join('\n')
    .replace(`"requestId":"${id}"`, '"requestId":""');
};
