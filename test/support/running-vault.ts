/**
 * A vault as a caller meets it: `local/start.ts` as a process of its own with a folder of its own,
 * or, with `BASE_URL`, one that runs already (`VAULT_DATA_DIR` is then its folder). Every reply is
 * held against docs/openapi.yaml, and so is every request that was accepted. A test that asks for anything also checks
 * the contract.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { describe, it, jest } from '@jest/globals';
import { addressOf, freshFolder, type LocalProcess, runLocal } from './local-process.ts';
import { checkReply, checkRoute, operationOf, type ReplyHeaders } from './openapi.ts';
import { checkAccepted } from './openapi-accepted.ts';
import { closeConnections, exchange, type RawReply, type RawRequest } from './raw-http.ts';
import { sendUntilFinal } from './repeated-requests.ts';
import { type Claims, issueToken } from './tokens.ts';

/** Whether the vaults of this run are of its own making, behind our own gateway. */
export const isLocal = process.env['BASE_URL'] === undefined;

// Processes start and many requests are made, perhaps on a busy machine: no test waits for a time. Behind another
// gateway a function may have one request at a time.
jest.setTimeout(isLocal ? 60_000 : 900_000);

/** For what only such a vault can show: its processes, its files, its gateway. */
export const describeLocal = isLocal ? describe : describe.skip;
export const itLocal = isLocal ? it : it.skip;

/**
 * The headers of a write that is one of many at once: a key behind another gateway, where a function may be too slow,
 * so that it can be repeated until its outcome is clear. Our own gateway answers each write without one.
 */
export const repeatable = (): Readonly<Record<string, string>> =>
  isLocal ? {} : { 'Idempotency-Key': randomUUID() };

/** The members of all replies. Which of them a status has was checked before a test sees it. */
type ReplyBody = {
  readonly name?: string;
  readonly version?: number;
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
  readonly code?: string;
  readonly field?: string;
  readonly detail?: string;
  readonly requestId?: string;
  readonly errors?: readonly { readonly line: number; readonly code: string; name?: string }[];
  readonly errorsTotal?: number;
};
export type ListedVersion = {
  readonly version: number;
  readonly validFrom: string;
  readonly validTo: string | null;
  readonly value?: string;
};

export type Reply = {
  readonly status: number;
  readonly headers: ReplyHeaders;
  readonly text: string;
  /** Empty where the reply is a bare file. */
  readonly json: ReplyBody;
  /** Undefined where the gateway itself answered. */
  readonly operationId: string | undefined;
  /** How often it was sent: once, but for what a client repeats behind another gateway. */
  readonly tries: number;
};

export type Call = {
  readonly token?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as `text/plain`. */
  readonly file?: string;
  /** Sent as it is, as JSON unless `headers` say otherwise. */
  readonly raw?: string | Uint8Array;
  readonly headers?: RawRequest['headers'];
};

export type RunningVault = {
  readonly dataDir: string;
  readonly baseUrl: () => string;
  /** The process that serves now; undefined where the vault ran already. */
  readonly process: () => LocalProcess | undefined;
  /** All that was printed by the processes of this vault, the present one and those before it. */
  readonly lines: () => readonly string[];
  /** For a tenant of this vault's own unless `claims` names one. */
  readonly token: (claims?: Claims) => string;
  /** Throws if a reply breaks the contract, or if none comes. Behind another gateway it repeats what a client would. */
  readonly call: (method: string, path: string, call?: Call) => Promise<Reply>;
  /** Ends the process and removes its folder. */
  readonly stop: () => Promise<void>;
  readonly kill9: () => Promise<void>;
  /** Starts a process on the same folder after `kill9`. */
  readonly restart: () => Promise<void>;
};

export const startVault = async (env: NodeJS.ProcessEnv = {}): Promise<RunningVault> => {
  const running = process.env['BASE_URL'];
  const dataDir = (running && process.env['VAULT_DATA_DIR']) || freshFolder();
  const tenant = `tenant-${runId()}`;
  const processes: LocalProcess[] = [];
  let baseUrl = running ?? '';
  const start = async () => {
    if (running !== undefined) return;
    const served = runLocal('start', [], { VAULT_DATA_DIR: dataDir, PORT: '0', ...env });
    processes.push(served);
    baseUrl = await addressOf(served);
  };
  const end = async (signal: NodeJS.Signals) => {
    closeConnections();
    processes.at(-1)?.child.kill(signal);
    await processes.at(-1)?.exit;
  };
  await start();
  return {
    dataDir,
    baseUrl: () => baseUrl,
    process: () => processes.at(-1),
    lines: () => processes.flatMap(({ output, errors }) => [...output, ...errors]),
    token: (claims) => issueToken(dataDir, { tenant, ...claims }),
    call: (method, path, call) => callVault(baseUrl, method, path, call),
    stop: async () => {
      await end('SIGTERM');
      if (running === undefined) rmSync(dataDir, { recursive: true, force: true });
    },
    kill9: () => end('SIGKILL'),
    restart: start,
  };
};

/** On a busy machine a request may lose its races until its time is over, again and again. */
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
    const { status, headers: got, text } = reply;
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
    const told = `${method} ${path} → ${status} ${text.slice(0, 600)}`;
    throw new Error(`not as docs/openapi.yaml says: ${told}\n${violations.join('\n')}`);
  };
  const isSafe =
    method === 'GET' || operationId === 'expand-env' || Object.hasOwn(headers, 'Idempotency-Key');
  const reply = await sendUntilFinal(() => exchange(request), { triesMax, isSafe, check });
  const isJson = reply.headers.get('content-type')?.includes('json') === true;
  return { ...reply, operationId, json: isJson ? (JSON.parse(reply.text) as ReplyBody) : {} };
};

/** A reply as text without what differs from request to request: replies to compare byte for byte. */
export const withoutRequestId = ({ status, headers, text }: Reply): string => {
  const id = headers.get('x-request-id') ?? '';
  // API Gateway gives each reply ids of its own, too.
  const differs = /^(date|x-request-id|x-amzn?-.*)$/;
  const kept = [...headers].filter(([name]) => !differs.test(name));
  return [status, ...kept.map(([name, value]) => `${name}: ${value}`), '', text]
    .join('\n')
    .replace(`"requestId":"${id}"`, '"requestId":""');
};

const runId = () => randomBytes(6).toString('hex');
const run = runId();
let names = 0;
/** A secret name that no other test uses, in this run or another. */
export const freshName = (word = 'NAME'): string => {
  names += 1;
  return `${word}_${run}_${names}`;
};
