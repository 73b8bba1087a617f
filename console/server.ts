/**
 * The server of the console, on a port of this machine. It serves the page, and passes the actions of the page to the
 * vault. The token of the vault never reaches the page.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isFailure } from '../cli/failures.ts';
import { createSessions } from './sessions.ts';

/** A file of the page. */
export type PageFile = { readonly type: string; readonly body: Uint8Array };

/** An answer to the page: a status, and a document. */
export type Answer = { readonly status: number; readonly body: unknown };

/** An action that the page may ask for. `signal` aborts when the page gives up. */
export type Action = (
  asked: unknown,
  signal: AbortSignal,
) => Promise<Answer | AsyncIterable<unknown>>;

export type ConsoleOptions = {
  /** The files of the page by path; `/` is the document. */
  readonly files: ReadonlyMap<string, PageFile>;
  /** The actions by name. A page that asks for another gets 404. */
  readonly actions: ReadonlyMap<string, Action>;
};

export type ConsoleServer = {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** A code that opens a session once, within a minute. */
  readonly newCode: () => string;
  readonly close: () => Promise<void>;
};

const bodyBytesMax = 2_097_152;
const headBytesMax = 8_192;

/** Only files and actions of this server; no inline script or style; no frame around it; no form that leaves it. */
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

/** Serves the console on 127.0.0.1, at a port that the system chooses. */
export const startConsole = async (options: ConsoleOptions): Promise<ConsoleServer> => {
  const sessions = createSessions(() => performance.now());
  let origin = '';
  const server = createServer({ maxHeaderSize: headBytesMax }, (request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // Another name for this machine is a page that wants to use the console (DNS rebinding).
    if (`http://${request.headers.host}` !== origin) return refuse(response, 403);
    if (request.method === 'GET') return sendFile(options.files.get(pathOf(request)), response);
    const isOwnPage = request.headers.origin === origin;
    if (request.method !== 'POST' || !isOwnPage) return refuse(response, 403);
    if (pathOf(request) === '/session') {
      const token = sessions.open((await textOf(request)) ?? '');
      return token === undefined ? refuse(response, 401) : send(response, 200, { token });
    }
    const token = request.headers['x-console-session'];
    if (typeof token !== 'string' || !sessions.isOpen(token)) return refuse(response, 401);
    const [, name = ''] = /^\/actions\/(.*)$/.exec(pathOf(request)) ?? [];
    const action = options.actions.get(name);
    if (action === undefined) return refuse(response, 404);
    const text = await textOf(request);
    if (text === undefined) return send(response, 413, tooLarge);
    const asked = parse(text);
    if (asked === undefined) return refuse(response, 400);
    await perform(action, asked, response);
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: origin,
    newCode: sessions.newCode,
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

const send = (response: ServerResponse, status: number, body: unknown): void => {
  response
    .writeHead(status, { ...safety, 'Content-Type': 'application/json' })
    .end(JSON.stringify(body));
};

const refuse = (response: ServerResponse, status: number): void =>
  void response.writeHead(status, { ...safety, Connection: 'close' }).end();

/** The body of a request; `undefined` if it is too large. It is read to its end, or the sender would see no answer. */
const textOf = async (request: IncomingMessage): Promise<string | undefined> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes <= bodyBytesMax) chunks.push(chunk);
  }
  return bytes > bodyBytesMax ? undefined : Buffer.concat(chunks).toString('utf8');
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/**
 * Sends the answer of an action. A sequence becomes one JSON document a line, as long as the page reads. If the sequence
 * fails, its last line is the problem.
 */
const perform = async (action: Action, asked: unknown, response: ServerResponse): Promise<void> => {
  const left = new AbortController();
  response.once('close', () => left.abort());
  const answer = await action(asked, left.signal).catch((): Answer => failed);
  if ('status' in answer) return send(response, answer.status, answer.body);
  response.writeHead(200, { ...safety, 'Content-Type': 'application/x-ndjson' });
  const write = (part: unknown): boolean => response.write(`${JSON.stringify(part)}\n`);
  try {
    for await (const part of answer) {
      if (!write(part)) await once(response, 'drain', { signal: left.signal });
    }
  } catch (error) {
    write({ problem: isFailure(error) ? error.report : failed.body });
  }
  response.end();
};

const tooLarge = {
  code: 'too_large',
  detail: 'This is larger than the 2 MiB that the console takes.',
};

/** The error may hold a value, so it is not told. */
const failed = {
  status: 500,
  body: { code: 'internal', detail: 'The console failed to do this.' },
};
