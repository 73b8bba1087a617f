/**
 * The typed client of the HTTP API. All retries of an action share one `Idempotency-Key`, so the action has only one
 * effect. A request is retried if no answer came, or if the answer says that a retry may help.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import {
  type BodyOf,
  type OperationId,
  operations,
  type Problem,
  problem,
  type QueryOf,
  type ReplyOf,
} from './contract.ts';
import { curlOf, type Request } from './curl.ts';
import { exitCodes, type Failure, failure, isFailure, refusal, systemCodeOf } from './failures.ts';
import { note, print, wantsJson } from './output.ts';
import type { Settings } from './settings.ts';

/** The process does not wait for longer: a person, or the next run of a job, should. */
const retryAfterMaxS = 60;
const backoffFirstMs = 100;
const backoffLastMs = 5_000;

type Asked<Id extends OperationId> = {
  /** The secret name, and the version, in the path. */
  readonly name?: string;
  readonly version?: number;
  readonly query?: QueryOf<Id>;
  readonly body?: BodyOf<Id>;
  /** The write happens only while this is the current version. */
  readonly ifVersion?: number | undefined;
  /** The key of a write, in place of a new one. */
  readonly idempotencyKey?: string | undefined;
  /** Ends the wait for the answer. A write may take effect all the same. */
  readonly signal?: AbortSignal | undefined;
};
/** Calls an operation. Throws a `Failure` if the server refuses the request or cannot be reached. */
export type Client = <Id extends OperationId>(id: Id, asked?: Asked<Id>) => Promise<ReplyOf<Id>>;

/**
 * Opens a client. If a command fails after a write that may have taken effect, the client prints its idempotency key.
 * The user can repeat the write safely only with that key, and then gets the same answer, for example after a full
 * disk.
 */
export const openClient = (settings: Settings): Client => {
  let keyOfEffect: string | undefined;
  process.once('exit', (code) => {
    if (keyOfEffect === undefined || code === exitCodes.ok) return;
    note(`to repeat it safely: --idempotency-key ${keyOfEffect}`);
  });
  const client: Client = async (id, asked = {}) => {
    const request = requestOf(settings, id, asked);
    if (settings.curl) {
      await print(curlOf(request));
      throw failure('ok', 'printed');
    }
    const mayHaveEffect = () => {
      keyOfEffect = request.headers['Idempotency-Key'] ?? keyOfEffect;
    };
    const { answers } = operations[id];
    const sending = { ...settings, signal: asked.signal };
    const answer = await sendUntilClear(sending, request, answers, mayHaveEffect);
    const parsed = v.safeParse(operations[id].reply, answer);
    if (!parsed.success) throw failure('other', `${settings.addr} does not answer as a vault does`);
    return parsed.output as ReplyOf<typeof id>;
  };
  return client;
};

const requestOf = <Id extends OperationId>(
  settings: Settings,
  id: Id,
  { name = '', version = 0, query = {}, body, ifVersion, ...asked }: Asked<Id>,
): Request => {
  const idempotencyKey = asked.idempotencyKey ?? settings.idempotencyKey;
  const { method, path, keyed } = operations[id];
  const filled = path.replace('{name}', name).replace('{version}', String(version));
  const url = new URL(`${settings.addr}${filled}`);
  for (const [parameter, text] of Object.entries(query)) {
    if (text !== undefined) url.searchParams.set(parameter, String(text));
  }
  return {
    method,
    url: url.href,
    headers: {
      Accept: 'application/json',
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...(keyed && { 'Idempotency-Key': idempotencyKey ?? randomUUID() }),
      ...(ifVersion !== undefined && { 'If-Match': `"${ifVersion}"` }),
    },
    body,
  };
};

type Sending = Settings & { readonly signal: AbortSignal | undefined };

/** A failed attempt, and the wait before the next; `undefined` if a retry would not help. */
type Failed = { readonly failure: Failure; readonly waitMs: number | undefined };

const sendUntilClear = async (
  settings: Sending,
  request: Request,
  answers: readonly number[],
  mayHaveEffect: () => void,
): Promise<unknown> => {
  const key = request.headers['Idempotency-Key'];
  for (let tries = 1; ; tries += 1) {
    if (settings.verbose)
      note(`${request.method} ${request.url}${key ? `, Idempotency-Key ${key}` : ''}`);
    const outcome = await sendOnce(settings, request, answers, tries);
    if (!isFailed(outcome) || isUnclear(outcome.failure)) mayHaveEffect();
    if (!isFailed(outcome)) return outcome.reply;
    if (outcome.failure.report.code === 'unauthenticated' && settings.token?.renew?.()) continue;
    if (outcome.waitMs === undefined || tries > settings.retries) throw outcome.failure;
    const reason = outcome.failure.message.replace(/\.$/, '');
    if (settings.verbose) note(`${reason}; again in ${Math.round(outcome.waitMs)} ms`);
    else if (tries === 1 && !wantsJson()) {
      note(`${reason}; dsvault tries again, up to ${settings.retries} times`);
    }
    await sleep(outcome.waitMs, undefined, settings.signal && { signal: settings.signal });
  }
};

/** Whether the write may have taken effect. A refusal with a reason has another exit code. */
const isUnclear = ({ exitCode }: Failure): boolean =>
  exitCode === exitCodes.unavailable || exitCode === exitCodes.other;

const isFailed = (outcome: Failed | { readonly reply: unknown }): outcome is Failed =>
  'failure' in outcome;

const sendOnce = async (
  settings: Sending,
  { method, url, headers, body }: Request,
  answers: readonly number[],
  tries: number,
): Promise<Failed | { readonly reply: unknown }> => {
  const timeout = AbortSignal.timeout(settings.timeoutMs);
  const jitterMs = Math.random() * Math.min(backoffLastMs, backoffFirstMs * 2 ** tries);
  try {
    const response = await fetch(url, {
      method,
      headers: { ...headers, ...(await authorization(settings, url)) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      // A redirect would send the token, or the value, to another server.
      redirect: 'manual',
      signal: settings.signal ? AbortSignal.any([timeout, settings.signal]) : timeout,
    });
    const text = await response.text();
    if (settings.verbose) {
      const replayed = response.headers.has('idempotency-replayed') ? ', replayed' : '';
      note(`${response.status}, request ${response.headers.get('x-request-id')}${replayed}`);
    }
    const json = parse(text);
    const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json');
    if (answers.includes(response.status) && !isProblem) return { reply: json };
    return failed(settings.addr, response, json, jitterMs);
  } catch (error) {
    if (isFailure(error) || settings.signal?.aborted) throw error;
    return { failure: unreachable(settings, error), waitMs: jitterMs };
  }
};

const authorization = async (
  { token }: Settings,
  url: string,
): Promise<Readonly<Record<string, string>>> => {
  if (new URL(url).pathname.endsWith(operations['get-health'].path)) return {};
  if (token !== undefined) return { Authorization: `Bearer ${await token.read()}` };
  throw failure(
    'denied',
    'no token: set DSVAULT_TOKEN or DSVAULT_TOKEN_FILE, or keep one with dsvault login',
  );
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Whether the same request may succeed later, judged by the status alone. */
const mayPass = (status: number): boolean => status >= 500 || status === 429 || status === 408;

const failed = (addr: string, response: Response, json: unknown, jitterMs: number): Failed => {
  const { status, headers } = response;
  const told: Problem = v.is(problem, json)
    ? json
    : {
        // A proxy in front of the vault has its own answers, which are not repeated because they may hold anything.
        code: mayPass(status) ? 'store_unavailable' : 'unexpected_reply',
        detail: `${addr} answered with status ${status}, and not as a vault does`,
        status,
        retryable: mayPass(status),
      };
  const afterS = Math.max(0, Number(headers.get('retry-after') ?? 0));
  const mayHelp = told.retryable === true && !(afterS > retryAfterMaxS);
  const waitMs = (Number.isFinite(afterS) ? afterS * 1_000 : 0) + jitterMs;
  return { failure: refusal(told), waitMs: mayHelp ? waitMs : undefined };
};

const unreachable = ({ addr, timeoutMs }: Settings, error: unknown): Failure => {
  const name = error instanceof Error ? error.name : '';
  if (name === 'TimeoutError') {
    return failure('unavailable', `no answer from ${addr} within ${timeoutMs / 1_000} s`, error);
  }
  const cause = error instanceof Error ? error.cause : undefined;
  return failure('unavailable', `cannot reach ${addr} (${systemCodeOf(cause)})`, error);
};
