/**
 * The port of the API: turns what arrives over HTTP into requests for the vault, and its replies
 * into HTTP. The refusals of the port itself (an unknown route, a body beyond all limits) have the
 * same format as the problems of the routes.
 */
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import { Server as TlsServer } from 'node:tls';
import type { Api } from '../../functions/api.ts';
import type { HttpReply } from '../../functions/http/messages.ts';
import { problem } from '../../functions/http/responses.ts';
import { ApiError } from '../../functions/model/errors.ts';
import { limits } from '../../functions/model/limits.ts';
import {
  createBoundedServer,
  type Exchange,
  type Listening,
  listen,
  type RequestFault,
} from '../http/bounded-server.ts';
import { type Bounds, bounds as presetBounds } from '../http/bounds.ts';
import { type BodyFault, isFromPage } from '../http/request-body.ts';
import { type ServingPair, serverTls } from '../http/tls.ts';

export type GatewayOptions = {
  readonly api: Api;
  readonly host: string;
  readonly port: number;
  /** Serves HTTPS with this pair. The default is HTTP. */
  readonly pair?: ServingPair | undefined;
  /** Replaces some of http/bounds.ts, for tests. */
  readonly bounds?: Partial<Bounds>;
};

export type Gateway = Listening & {
  /**
   * Uses another pair for HTTPS from the next connection on. A gateway that serves HTTP ignores
   * this.
   */
  readonly renew: (pair: ServingPair) => void;
};

/**
 * The maximum length of a body that this gateway reads. It is larger than the routes' own limit, so
 * that the routes themselves refuse a body that is somewhat too large, but small enough for the
 * memory of this host.
 */
const bodyBytesMax = 4 * 1_048_576;

/** A text reply of at most this many characters is sent together with its headers, in one piece. */
const joinedCharactersMax = 65_536;

/** Sends a reply. `isLast` closes the connection after it. */
const send = async (
  { request, response, holdReply, discardBody }: Exchange,
  { status, headers, body: text }: HttpReply,
  isLast: boolean,
): Promise<void> => {
  // A long text would be copied in the heap several times; a buffer of bytes is outside the heap.
  const body = text.length > joinedCharactersMax ? Buffer.from(text, 'utf8') : text;
  const length = Buffer.byteLength(body);
  response.writeHead(status, {
    ...headers,
    // In a 304, this header would have to be the length of the body that is not sent (RFC 9110,
    // 8.6), so it is left out.
    ...(status !== 304 && { 'Content-Length': length }),
    ...(isLast && { Connection: 'close' }),
  });
  holdReply(length);
  // ASCII needs no encoding: its bytes are those of Latin-1.
  const encoding = length === text.length ? 'latin1' : 'utf8';
  if (request.complete) return void response.end(body, encoding);
  response.write(body, encoding);
  // Reads the rest of the request's body before the reply ends: if the connection were closed with
  // half of the body unread, it would be reset and the client might not get the reply.
  await discardBody();
  response.end();
};

/** Returns the path and the query as they were sent; the query is empty if there is none. */
const partsOf = (target: string): readonly [path: string, query: string] => {
  const mark = target.indexOf('?');
  return mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)];
};

/** Returns an upper bound of the number of query parameters, without building a list of them. */
const countParameters = (query: string): number => {
  if (query === '') return 0;
  let count = 1;
  for (let at = query.indexOf('&'); at >= 0; at = query.indexOf('&', at + 1)) count += 1;
  return count;
};

const answer = async (
  api: Api,
  bounds: Bounds,
  { request, readBody }: Exchange,
): Promise<HttpReply> => {
  const { method = '', url: target = '' } = request;
  const requestId = randomUUID();
  if (isFromPage(request)) return problem(fromPage(), requestId);
  const [path, query] = partsOf(target);
  const found = api.find(method, path);
  if (found === undefined) return problem(routeNotFound(), requestId);
  if ('allow' in found) {
    const refused = problem(methodNotAllowed(found.allow), requestId);
    return { ...refused, headers: { ...refused.headers, Allow: found.allow.join(', ') } };
  }
  if (countParameters(query) > bounds.queryParametersMax) {
    return problem(tooManyParameters(bounds), requestId);
  }
  const body = await readBody(bodyBytesMax);
  if (typeof body === 'string') return problem(unread(body), requestId);
  return api.handle(found, {
    requestId,
    path,
    query: query === '' ? [] : [...new URLSearchParams(query)],
    headers: request.headersDistinct,
    body,
  });
};

/** Serves the routes. Throws the system's error if it cannot listen (`EADDRINUSE`). */
export const startGateway = async (options: GatewayOptions): Promise<Gateway> => {
  const { api, pair, host, port } = options;
  const bounds = { ...presetBounds, ...options.bounds };
  let isClosing = false;
  const respond = async (exchange: Exchange): Promise<void> => {
    const { request } = exchange;
    const result = await answer(api, bounds, exchange).catch(() => undefined);
    if (result === undefined) return void request.destroy();
    await send(exchange, result, isClosing || !request.complete);
  };
  const refuse = refuseUnreadable(bounds);
  const server = createBoundedServer({ bounds, respond, refuse, tls: pair && serverTls(pair) });
  const { url, close } = await listen(server, host, port);
  return {
    url,
    renew: (other) => {
      if (server instanceof TlsServer) server.setSecureContext(serverTls(other));
    },
    close: (graceMs) => {
      isClosing = true;
      return close(graceMs);
    },
  };
};

const routeNotFound = () =>
  new ApiError(
    'route_not_found',
    'no route has this path: the routes begin with /v1/, and docs/openapi.yaml has them',
  );
const fromPage = () => new ApiError('forbidden', 'a web page may not use the vault');
const methodNotAllowed = (allow: readonly string[]) =>
  new ApiError('method_not_allowed', `the route takes only ${allow.join(', ')}`);

const bodyTooLarge = () =>
  new ApiError(
    'too_large',
    `the body is larger than the limit of ${limits.bodyBytesMax} bytes: split it`,
    { properties: { limit: limits.bodyBytesMax } },
  );
const tooSlow = () => new ApiError('request_timeout', 'the request took too long to arrive');
const malformed = () =>
  new ApiError('invalid_request', 'this is not a valid HTTP request', {
    properties: { field: 'request' },
  });
const notOneHost = () =>
  new ApiError('invalid_request', 'the request has no header Host, or more than one', {
    properties: { field: 'Host' },
  });
const noRoom = () =>
  new ApiError('throttled', 'too many bodies are being sent at once; nothing was written');

/** Creates the problem for a request whose body was not read. */
const unread = (why: BodyFault): ApiError =>
  ({ 'too long': bodyTooLarge, 'too slow': tooSlow, 'no room': noRoom, malformed })[why]();

const tooManyParameters = ({ queryParametersMax: limit }: Bounds) =>
  new ApiError('too_large', 'the query has too many parameters', {
    properties: { field: 'query', limit },
  });

/** Creates the raw reply, including the status line, to something that is not a valid request. */
const refuseUnreadable =
  ({ headerBytesMax, headersMax }: Bounds) =>
  (reason: RequestFault): string => {
    const tooLarge = (sentence: string, limit: number) => () =>
      new ApiError('too_large', sentence, { properties: { field: 'headers', limit } });
    const errors = {
      malformed,
      'not one host': notOneHost,
      'too slow': tooSlow,
      'headers too large': tooLarge('the headers are too large', headerBytesMax),
      'too many headers': tooLarge('the request has too many headers', headersMax),
    };
    const { status, headers, body } = problem(errors[reason](), randomUUID());
    const lines = Object.entries({
      Date: new Date().toUTCString(),
      ...headers,
      'Content-Length': Buffer.byteLength(body),
      Connection: 'close',
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`;
  };
