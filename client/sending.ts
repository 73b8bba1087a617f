/**
 * Sends the request of an operation, and retries it with the same idempotency key while that may
 * help.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { plainAddress } from './address.ts';
import { type VaultError, vaultError } from './errors.ts';
import { operations } from './operations.ts';
import type { BodyOf, OperationId, Problem, QueryOf, ReplyOf } from './types.ts';

/**
 * The longest wait, in seconds, for which the client retries by itself. If the vault asks for a
 * longer wait, the client leaves the retry to its caller.
 */
const retryAfterMaxS = 60;
const backoffFirstMs = 100;
const backoffLastMs = 5_000;
/**
 * The longest reply that the client reads into memory: 32 MiB. A vault never sends more than 6 MB,
 * so a longer reply does not come from a vault.
 */
const replyBytesMax = 33_554_432;

/** The parts of a request of an operation. */
export type OperationInput<Id extends OperationId> = {
  /** The name of the secret, and the version, for the path. */
  readonly name?: string;
  readonly version?: number;
  readonly query?: QueryOf<Id>;
  readonly body?: BodyOf<Id>;
} & Options;

/** The options of one request. */
export type Options = {
  /** The write takes effect only if this is the current version. */
  readonly ifVersion?: number | undefined;
  /**
   * The idempotency key of a write, 16 to 128 visible ASCII characters. The default is a new one.
   */
  readonly idempotencyKey?: string | undefined;
  /**
   * A signal of the caller. When it aborts, the client stops waiting for the answer and throws the
   * signal's reason. A write may take effect nevertheless.
   */
  readonly signal?: AbortSignal | undefined;
};

/**
 * Performs one operation of the API. Throws a `VaultError`, the reason of the signal, an error of a
 * `TokenSource`, or a `TypeError` for arguments that cannot be sent.
 */
export type Request = <Id extends OperationId>(
  id: Id,
  asked?: OperationInput<Id>,
) => Promise<ReplyOf<Id>>;

/**
 * Returns the token. After a 401, the client calls this once more with the token that the vault
 * `refused`. If it returns a different one, the client retries the request.
 */
export type TokenSource = (refused?: string) => string | Promise<string>;

/**
 * An event that the client reports while it works, for logs. It contains no tokens, bodies or
 * values.
 */
export type ClientEvent =
  | {
      readonly type: 'sending';
      readonly method: string;
      readonly url: string;
      readonly idempotencyKey: string | undefined;
    }
  | {
      readonly type: 'answered';
      readonly status: number;
      readonly requestId: string | null;
      readonly replayed: boolean;
    }
  | {
      readonly type: 'repeating';
      readonly attempt: number;
      readonly waitMs: number;
      readonly error: VaultError;
    };

/**
 * Performs one HTTP request, like `fetch`. An exchange must not follow redirects, and must reject
 * with the reason of the signal, even while the body is read.
 */
export type Exchange = (
  url: string,
  request: {
    readonly method: string;
    readonly headers: Record<string, string>;
    readonly body?: string;
    readonly redirect: 'manual';
    readonly signal: AbortSignal;
  },
) => Promise<Answer>;

/** The part of a `Response` that the client reads. Header names are in lower case. */
type Answer = {
  readonly status: number;
  readonly headers: {
    readonly get: (name: string) => string | null;
    readonly has: (name: string) => boolean;
  };
  /** The body, decompressed. Leaving the iteration early closes the connection. */
  readonly body: AsyncIterable<Uint8Array> | null;
};

export type Sender = {
  /** The address of the vault: `http://` or `https://`, a host, and perhaps a path. */
  readonly addr: string;
  /** The token (JWT), or a function that returns it. Only `get-health` needs none. */
  readonly token?: string | TokenSource | undefined;
  /** How often a request is retried (3 by default). */
  readonly retries?: number | undefined;
  /**
   * The time limit of one attempt in milliseconds (15,000 by default). The vault always answers
   * within 10 s.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Receives the events that the client reports while it works. If it throws, so does the
   * operation.
   */
  readonly onEvent?: ((event: ClientEvent) => void) | undefined;
  /** Performs the requests instead of the global `fetch`. */
  readonly fetch?: Exchange | undefined;
};

/** A request without its token. */
export type PreparedRequest = {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
};

/** Returns the request that an operation would send. `addr` has no slash at its end. */
export const prepare = <Id extends OperationId>(
  addr: string,
  id: Id,
  { name = '', version = 0, query, body, ifVersion, idempotencyKey }: OperationInput<Id> = {},
): PreparedRequest => {
  const { method, path, keyed } = operations[id];
  // With an empty name, `.` or `..` the URL would belong to another operation.
  if (path.includes('{name}') && /^\.{0,2}$/.test(name)) {
    throw new TypeError(`${id} needs the name of a secret`);
  }
  const filled = path
    .replace('{name}', encodeURIComponent(name))
    .replace('{version}', String(version));
  const url = new URL(`${addr}${filled}`);
  for (const [parameter, given] of Object.entries(query ?? {})) {
    if (given !== undefined && given !== null) url.searchParams.set(parameter, String(given));
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

/**
 * Creates the function that sends operations to one vault. Throws a `TypeError` if `addr` is not
 * the address of one.
 */
export const sendingTo = (sender: Sender): Request => {
  const { retries = 3, onEvent = () => undefined } = sender;
  const addr = plainAddress(sender.addr);
  if (addr === undefined) {
    throw new TypeError('addr is http:// or https://, a host, and perhaps a path');
  }
  return async <Id extends OperationId>(id: Id, asked: OperationInput<Id> = {}) => {
    const request = prepare(addr, id, asked);
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const idempotencyKey = request.headers['Idempotency-Key'];
    let token: string | undefined;
    let isRenewed = false;
    let mayHaveEffect = false;
    for (let attempt = 1; ; attempt += 1) {
      token ??= await findToken(sender, id);
      if (token === undefined) throw withoutToken(idempotencyKey);
      onEvent({ type: 'sending', method: request.method, url: request.url, idempotencyKey });
      const outcome = await sendOnce({ ...sender, addr }, id, { ...request, body }, token, asked);
      if ('reply' in outcome) return outcome.reply as ReplyOf<Id>;
      mayHaveEffect ||= operations[id].writes && isUnclear(outcome);
      const { afterS, ...refusal } = outcome;
      const error = vaultError({ ...refusal, mayHaveEffect, idempotencyKey });
      if (outcome.code === 'unauthenticated' && !isRenewed && typeof sender.token === 'function') {
        isRenewed = true;
        const other = await findToken(sender, id, token);
        if (other !== undefined && other !== token) {
          token = other;
          continue;
        }
      }
      if (!outcome.retryable || afterS > retryAfterMaxS || attempt > retries) throw error;
      const jitterMs = Math.random() * Math.min(backoffLastMs, backoffFirstMs * 2 ** attempt);
      const waitMs = afterS * 1_000 + jitterMs;
      onEvent({ type: 'repeating', attempt, waitMs, error });
      const { signal } = asked;
      await sleep(waitMs, undefined, signal && { signal }).catch(() => signal?.throwIfAborted());
    }
  };
};

/**
 * An attempt without a usable reply: a refusal, an error of the connection, or an answer that is
 * not from a vault.
 */
type FailedAttempt = {
  readonly code: string;
  readonly message: string;
  readonly status: number | undefined;
  readonly retryable: boolean;
  /** The seconds that the answer tells the client to wait. */
  readonly afterS: number;
  readonly problem?: Problem;
  readonly cause?: unknown;
};

/**
 * Whether a write may have taken effect although its attempt failed. A refusal that is not
 * `retryable`, with a status below 500, says that it did not.
 */
const isUnclear = ({ code, retryable, status }: FailedAttempt): boolean =>
  code !== 'untrusted' &&
  (retryable || status === undefined || status >= 500 || code === 'unexpected_reply');

/**
 * The token; empty for an operation that needs none. `undefined` if there is none, or if it has
 * characters that are not valid in a header.
 */
const findToken = async ({ token }: Sender, id: OperationId, refused?: string) => {
  if (id === 'get-health') return '';
  const read = typeof token === 'function' ? await token(refused) : token;
  const trimmed = read?.trim() ?? '';
  // Checked here, because fetch's error would quote a token that is not valid in a header.
  return /^[!-~]+$/.test(trimmed) ? trimmed : undefined;
};

const withoutToken = (idempotencyKey: string | undefined): VaultError =>
  vaultError({
    code: 'no_token',
    message: 'the operation needs a token: visible ASCII characters, on one line',
    status: undefined,
    retryable: false,
    mayHaveEffect: false,
    idempotencyKey,
  });

type Attempt = Omit<PreparedRequest, 'body'> & { readonly body: string | undefined };

const sendOnce = async (
  { addr, timeoutMs = 15_000, onEvent = () => undefined, fetch: exchange = fetch }: Sender,
  id: OperationId,
  { method, url, headers, body }: Attempt,
  token: string,
  { signal }: Options,
): Promise<FailedAttempt | { readonly reply: unknown }> => {
  const limit = limitOf(timeoutMs, signal);
  let response: Answer;
  let text: string | undefined;
  try {
    response = await exchange(url, {
      method,
      headers: { ...headers, ...(token !== '' && { Authorization: `Bearer ${token}` }) },
      ...(body !== undefined && { body }),
      // Following a redirect would send the token, or the value, to another server.
      redirect: 'manual',
      signal: limit.signal,
    });
    text = await readText(response);
  } catch (cause) {
    signal?.throwIfAborted();
    return unanswered(addr, timeoutMs, cause);
  } finally {
    limit.end();
  }
  const { status } = response;
  const requestId = response.headers.get('x-request-id');
  const replayed = response.headers.has('idempotency-replayed');
  onEvent({ type: 'answered', status, requestId, replayed });
  if (text === undefined) return notAVault(`${addr} answered with more than 32 MiB`, status);
  const json = parse(text);
  return isReply(id, response, json) ? { reply: json } : failed(addr, response, json);
};

/** The body as text; `undefined` if it is too long to come from a vault. */
const readText = async ({ body }: Answer): Promise<string | undefined> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > replyBytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};

/**
 * Makes a signal that aborts at the time limit or when the caller's signal does. Calling `end`
 * removes the timer and the listener. `AbortSignal.any` would leave each of its signals attached to
 * a long-lived signal of the caller (nodejs/node#64476).
 */
const limitOf = (timeoutMs: number, signal: AbortSignal | undefined) => {
  const controller = new AbortController();
  const pass = () => controller.abort(signal?.reason);
  const timer = setTimeout(
    () => controller.abort(new DOMException('the time limit passed', 'TimeoutError')),
    timeoutMs,
  );
  if (signal?.aborted) pass();
  signal?.addEventListener('abort', pass);
  const end = () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', pass);
  };
  return { signal: controller.signal, end };
};

/**
 * Whether this is a valid reply to the operation: its status, and every property that the API
 * requires.
 */
const isReply = (id: OperationId, { status, headers }: Answer, json: unknown): boolean => {
  const answers: readonly number[] = operations[id].answers;
  const replies: readonly (readonly string[])[] = operations[id].replies;
  const isProblem = headers.get('content-type')?.startsWith('application/problem+json');
  if (isProblem || !answers.includes(status) || !isObject(json)) return false;
  return replies.some((required) => required.every((property) => property in json));
};

const isObject = (json: unknown): json is Readonly<Record<string, unknown>> =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

const isProblem = (json: unknown): json is Problem =>
  isObject(json) && typeof json['code'] === 'string' && typeof json['detail'] === 'string';

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Whether the same request may succeed later, according to the status alone. */
const mayPass = (status: number): boolean => status >= 500 || status === 429 || status === 408;

const failed = (addr: string, { status, headers }: Answer, json: unknown): FailedAttempt => {
  const after = Number(headers.get('retry-after') ?? 0);
  const afterS = Number.isFinite(after) ? Math.max(0, after) : 0;
  if (isProblem(json)) {
    const { code, detail: message, retryable } = json;
    return { code, message, status, retryable: retryable === true, afterS, problem: json };
  }
  // A proxy in front of the vault has its own answers. Their text is not shown, because it may
  // contain anything.
  const other = notAVault(`${addr} answered with status ${status}`, status);
  return { ...other, retryable: mayPass(status), afterS };
};

const notAVault = (what: string, status: number): FailedAttempt => {
  const message = `${what}, and not as a vault does`;
  return { code: 'unexpected_reply', message, status, retryable: false, afterS: 0 };
};

/**
 * Whether Node rejected a server's certificate with this code. A code that begins with `ERR_SSL`
 * does not count, because it means that the server refused the connection.
 */
export const isUntrusted = (code: string | undefined): boolean =>
  /^(?!ERR_SSL).*(?:CERT|LEAF_SIGNATURE|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|HOSTNAME_MISMATCH)/.test(
    code ?? '',
  );

const unanswered = (addr: string, timeoutMs: number, cause: unknown): FailedAttempt => {
  const { name, cause: reason } = isObject(cause) ? cause : {};
  // If the answer is not HTTP, fetch's error quotes it, and it may contain a value. In that case
  // the error is not passed on as `cause`.
  const isQuoting = isObject(reason) && 'data' in reason;
  const known = isQuoting ? undefined : cause;
  const facts = { status: undefined, retryable: true, afterS: 0, cause: known };
  if (name === 'TimeoutError') {
    const message = `no answer from ${addr} within ${timeoutMs / 1_000} s`;
    return { code: 'timed_out', message, ...facts };
  }
  const code = isObject(reason) && typeof reason['code'] === 'string' ? reason['code'] : undefined;
  if (isUntrusted(code)) {
    const message = `the certificate of ${addr} is not trusted (${code})`;
    return { code: 'untrusted', message, ...facts, retryable: false };
  }
  // OpenSSL's error for an answer in plain HTTP. fetch has it in the code, node:https in the
  // message.
  if (isObject(reason) && /wrong.version.number/i.test(`${code} ${reason['message']}`)) {
    const message = `${addr} answers in plain HTTP, not in HTTPS`;
    return { code: 'unreachable', message, ...facts, retryable: false };
  }
  const message = `cannot reach ${addr} (${code ?? 'unknown error'})`;
  return { code: 'unreachable', message, ...facts };
};
