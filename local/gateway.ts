/**
 * The local stand-in for API Gateway: HTTP in, the same events for the same handlers that Lambda runs, HTTP out. What
 * it answers by itself (no such route, a body beyond all bounds, a function that failed) has the form of the
 * functions' own problems.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { APIGatewayProxyResult } from 'aws-lambda';
import { problem } from '../functions/http/responses.ts';
import { VaultError } from '../functions/model/errors.ts';
import { limits } from '../functions/model/limits.ts';
import { discardBody, isDeclaredTooLong, readBody } from './body.ts';
import { pathOf, toEvent } from './gateway/event.ts';
import { type Handler, headersOf, invoke } from './gateway/invoke.ts';
import { createFindRoute, type FindRoute } from './gateway/routes.ts';
import type { Route } from './template.ts';
import { isFromPage } from './web-pages.ts';

export type GatewayOptions = {
  readonly routes: readonly Route[];
  /** By operation. */
  readonly handlers: ReadonlyMap<string, Handler>;
  readonly host: string;
  readonly port: number;
  /** Gets one line for each function that failed, without what it said: that may quote a request. */
  readonly report: (line: string) => void;
};

export type Gateway = {
  readonly url: string;
  /** Refuses new connections, lets requests under way end for at most `graceMs`, then ends them. */
  readonly close: (graceMs: number) => Promise<void>;
};

/** Names of at most 8 KiB tokens and all else that a request may carry fit in here, several times. */
const headerBytesMax = 65_536;
/** Above the functions' own bound, so that they answer for it; below what would burden this host. */
const bodyBytesMax = 4 * 1_048_576;

const refusal = {
  routeNotFound: () => new VaultError('route_not_found', 'no route has this path'),
  fromPage: () => new VaultError('forbidden', 'a web page may not use the vault'),
  methodNotAllowed: () =>
    new VaultError('method_not_allowed', 'the route does not have this method'),
  tooLarge: () =>
    new VaultError('too_large', 'the body is too large', {
      members: { limit: limits.bodyBytesMax },
    }),
  headersTooLarge: () =>
    new VaultError('too_large', 'the headers are too large', {
      members: { limit: headerBytesMax },
    }),
  malformed: () =>
    new VaultError('invalid_request', 'this is no HTTP request that can be read', {
      members: { field: 'request' },
    }),
};

const send = (response: ServerResponse, result: APIGatewayProxyResult): void => {
  // Text is sent together with the headers, in one piece.
  const body = result.isBase64Encoded ? Buffer.from(result.body, 'base64') : result.body;
  response.statusCode = result.statusCode;
  for (const [name, values] of headersOf(result)) response.setHeader(name, values);
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.write(body);
};

const answer = async (
  options: GatewayOptions,
  findRoute: FindRoute,
  request: IncomingMessage,
): Promise<APIGatewayProxyResult> => {
  const { method = '', url: target = '', rawHeaders } = request;
  const requestId = randomUUID();
  if (isFromPage(request)) return problem(refusal.fromPage(), requestId);
  const found = findRoute(method, pathOf(target));
  if (found === undefined) return problem(refusal.routeNotFound(), requestId);
  if ('allow' in found) {
    const refused = problem(refusal.methodNotAllowed(), requestId);
    return { ...refused, headers: { ...refused.headers, Allow: found.allow.join(', ') } };
  }
  const body = await readBody(request, bodyBytesMax);
  if (body === undefined) return problem(refusal.tooLarge(), requestId);
  const { route, pathParameters } = found;
  const handler = options.handlers.get(route.operation);
  if (handler === undefined) throw new Error(`${route.operation} has no handler`);
  const sourceIp = request.socket.remoteAddress ?? '';
  const received = { method, target, rawHeaders, body, sourceIp };
  const event = toEvent(received, route, pathParameters, requestId);
  return invoke(handler, route, event, requestId, options.report);
};

/** Answers, on the bare socket, what is no HTTP request. */
const answerMalformed = (error: Error & { code?: string }, socket: Duplex): void => {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const isTooLong = error.code === 'HPE_HEADER_OVERFLOW';
  const refused = isTooLong ? refusal.headersTooLarge() : refusal.malformed();
  const { statusCode, headers, body } = problem(refused, randomUUID());
  const lines = Object.entries({
    ...headers,
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${statusCode} Refused\r\n${lines.join('')}\r\n${body}`);
};

/** Serves the routes. Throws what the system says if it cannot listen (`EADDRINUSE`). */
export const startGateway = async (options: GatewayOptions): Promise<Gateway> => {
  const findRoute = createFindRoute(options.routes);
  let isClosing = false;
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const result = await answer(options, findRoute, request).catch(() => undefined);
    if (result === undefined) return void request.destroy();
    if (isClosing || !request.complete) response.setHeader('Connection', 'close');
    send(response, result);
    // The answer is complete for the caller; ending it with its body half read would tear the connection down.
    await discardBody(request);
    response.end();
  };
  const server = createServer({
    maxHeaderSize: headerBytesMax,
    requireHostHeader: false,
    headersTimeout: 10_000,
    requestTimeout: 30_000,
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: 60_000,
  });
  const onRequest = (request: IncomingMessage, response: ServerResponse): void =>
    void respond(request, response);
  server.on('request', onRequest).on('checkExpectation', onRequest);
  server.on('checkContinue', (request, response) => {
    if (!isDeclaredTooLong(request, bodyBytesMax)) response.writeContinue();
    onRequest(request, response);
  });
  server.on('clientError', answerMalformed);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${port}`,
    close: (graceMs) =>
      new Promise((resolve) => {
        isClosing = true;
        const timer = setTimeout(() => server.closeAllConnections(), graceMs);
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
};
