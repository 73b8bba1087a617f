/**
 * The server of the console. It serves the page on a port of this machine and runs the actions that
 * the page asks for. The vault's token never reaches the page. Requests and answers are sealed with
 * the secret of the session.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isFailure } from '../../system/failures.ts';
import { deriveKey, type Key, purposeOfAnswer, requestBytesMax, seal, unseal } from './sealing.ts';
import { createSessions } from './sessions.ts';

export type PageFile = { readonly type: string; readonly body: Uint8Array };

export type Answer = { readonly status: number; readonly body: unknown };

/** Tells the page whom an action is waiting for, such as `node 2`. */
export type OnSilence = (who: string) => void;

/** An action that the page may ask for. `signal` aborts when the page disconnects. */
export type Action = (
  asked: unknown,
  signal: AbortSignal,
  onSilence: OnSilence,
) => Promise<Answer | AsyncIterable<unknown>>;

export type ConsoleOptions = {
  /** The files of the page by path; `/` is the HTML document. */
  readonly files: ReadonlyMap<string, PageFile>;
  /** The actions by name. Any other name is answered with 404. */
  readonly actions: ReadonlyMap<string, Action>;
};

export type ConsoleServer = {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /**
   * Returns a code that opens one session and expires after a minute: its id, a dot and its secret.
   */
  readonly newCode: () => string;
  readonly close: () => Promise<void>;
};

const headBytesMax = 8_192;

/**
 * Lets the page load files and request actions only from this server: no inline scripts or styles,
 * no frames, and no forms that the browser itself submits.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const safety = {
  'Content-Security-Policy': policy,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

/** Serves the console on 127.0.0.1, on a free port that the system chooses. */
export const startConsole = async (options: ConsoleOptions): Promise<ConsoleServer> => {
  const sessions = createSessions(() => performance.now());
  let origin = '';
  const server = createServer({ maxHeaderSize: headBytesMax }, (request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const hosts = request.headersDistinct['host'] ?? [];
    if (hosts.length > 1) return refuse(response, 400);
    // Any other host name comes from a foreign page that reaches this port by DNS rebinding.
    if (`http://${request.headers.host}` !== origin) return refuse(response, 403);
    if (request.method === 'GET') return sendFile(options.files.get(pathOf(request)), response);
    const isOwnPage = request.headers.origin === origin;
    if (request.method !== 'POST' || !isOwnPage) return refuse(response, 403);
    const path = pathOf(request);
    const id = String(request.headers['x-console-session']);
    const isOpening = path === '/session';
    const secret = isOpening ? sessions.findCode(id) : sessions.findSession(id);
    if (secret === undefined) return refuse(response, 401);
    const [, name = ''] = /^\/actions\/(.*)$/.exec(path) ?? [];
    const action = isOpening ? openWith(id) : options.actions.get(name);
    if (action === undefined) return refuse(response, 404);
    const sealed = await bodyOf(request);
    if (sealed === undefined) return refuse(response, 413);
    const key = await deriveKey(secret);
    const asked = await unseal(key, sealed, path).catch(() => undefined);
    if (asked === undefined) return refuse(response, 401);
    await perform(action, asked, response, { key, request: sealed });
  };
  /** The first request with a code opens the session and uses up the code. */
  const openWith =
    (codeId: string): Action =>
    async () => {
      const session = sessions.open(codeId);
      return session ? { status: 200, body: session } : usedUp;
    };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: origin,
    newCode: () => {
      const { id, secret } = sessions.newCode();
      return `${id}.${secret}`;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};

const pathOf = (request: IncomingMessage): string => request.url ?? '';

const sendFile = (file: PageFile | undefined, response: ServerResponse): void => {
  if (file === undefined) refuse(response, 404);
  else response.writeHead(200, { ...safety, 'Content-Type': file.type }).end(file.body);
};

const refuse = (response: ServerResponse, status: number): void =>
  void response.writeHead(status, { ...safety, Connection: 'close' }).end();

/**
 * Reads the whole body, even if it is too large, so that the sender gets the answer. Returns
 * `undefined` for a body that is too large.
 */
const bodyOf = async (request: IncomingMessage): Promise<Uint8Array<ArrayBuffer> | undefined> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes <= requestBytesMax) chunks.push(chunk);
  }
  return bytes > requestBytesMax ? undefined : new Uint8Array(Buffer.concat(chunks));
};

/**
 * Streams the answers of an action to the page, one sealed part per line in base64. A part with
 * status 102 is not an answer; it names whom the action is waiting for.
 */
const perform = async (
  action: Action,
  asked: unknown,
  response: ServerResponse,
  { key, request }: { readonly key: Key; readonly request: Uint8Array<ArrayBuffer> },
): Promise<void> => {
  const left = new AbortController();
  response.once('close', () => left.abort());
  response.writeHead(200, { ...safety, 'Content-Type': 'text/plain' });
  let parts = 0;
  const write = async (answer: Answer): Promise<void> => {
    const sealed = await seal(key, answer, purposeOfAnswer(request, parts++));
    const isTaken = response.write(`${Buffer.from(sealed).toString('base64')}\n`);
    if (!isTaken) await once(response, 'drain', { signal: left.signal });
  };
  let last = Promise.resolve();
  const send = (answer: Answer): Promise<void> => (last = last.then(() => write(answer)));
  let isAnswered = false;
  const onSilence = (who: string): void => {
    if (!isAnswered) send({ status: 102, body: who }).catch(() => left.abort());
  };
  for await (const answer of answersOf(action, asked, left.signal, onSilence)) {
    isAnswered = true;
    await send(answer);
  }
  response.end();
};

/**
 * Performs an action and yields its answer or, if the action returns a sequence, one answer for
 * each item of the sequence. If the action or its sequence fails, the last answer is the problem.
 */
async function* answersOf(...[action, ...asked]: [Action, ...Parameters<Action>]) {
  try {
    const answer = await action(...asked);
    if ('status' in answer) yield answer;
    else for await (const body of answer) yield { status: 200, body };
  } catch (error) {
    // The message of any other error may contain a value, so it is not sent.
    yield isFailure(error) ? { status: 502, body: error.report } : failed;
  }
}

const usedUp: Answer = {
  status: 401,
  body: { code: 'no_session', detail: 'the code was already used, or has expired' },
};

const failed: Answer = {
  status: 500,
  body: { code: 'internal', detail: 'The console failed to do this.' },
};
