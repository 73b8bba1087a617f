/**
 * A front on a port of this machine: DynamoDB's JSON protocol 1.0 over HTTP, for tools, and `GET /status`. Signatures are
 * not checked, so the port is on loopback only and refuses requests of web pages.
 */
import { randomUUID } from 'node:crypto';
import { createBoundedServer, type Exchange, listen } from '../http/bounded-server.ts';
import { bounds } from '../http/bounds.ts';
import { isForName, isFromPage } from '../http/request-body.ts';
import { isJson, ok, type Reply, refuse, unavailable, unclear } from './dynamodb-protocol.ts';
import type { Front } from './front.ts';

export type HttpFrontOptions = {
  readonly front: Front;
  /** The answer to `GET /status`, as JSON. */
  readonly status: () => object;
};

export type HttpFront = {
  readonly endpoint: string;
  /** Ends open connections too. */
  readonly close: () => Promise<void>;
};

/** A transaction of 4 MB, its binary values in base64. */
const requestBytesMax = 6 * 1_048_576;

const parse = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
};

const answerBody = async (front: Front, { request, readBody, discardBody }: Exchange) => {
  const sent = await readBody(requestBytesMax);
  // A refused body is read to its end, so that its sender reads the answer.
  if (typeof sent === 'string') await discardBody();
  if (sent === 'no room' || sent === 'too slow') {
    return unavailable(`the request was not read: ${sent}`);
  }
  if (typeof sent === 'string') {
    return refuse(
      'ValidationException',
      `the body is ${sent}; it may have ${requestBytesMax} bytes`,
    );
  }
  const body = parse(sent);
  if (!isJson(body)) return refuse('SerializationException', 'the body is no JSON object');
  const [, operation = ''] =
    /^DynamoDB_20120810\.(\w+)$/.exec(String(request.headers['x-amz-target'])) ?? [];
  return await front(operation, body);
};

/** Serves on a free port of 127.0.0.1. Throws what the system says if it cannot listen. */
export const startHttpFront = async ({ front, status }: HttpFrontOptions): Promise<HttpFront> => {
  const answer = async (exchange: Exchange): Promise<Reply> => {
    const { request } = exchange;
    if (isFromPage(request) || isForName(request)) {
      return refuse('AccessDeniedException', 'a web page may not use this');
    }
    if (request.method === 'GET' && request.url === '/status') return ok({ ...status() });
    return await answerBody(front, exchange);
  };
  const respond = async (exchange: Exchange): Promise<void> => {
    const { request, response, holdReply } = exchange;
    const reply = await answer(exchange).catch(() => unclear('the front failed'));
    const text = JSON.stringify(reply.body);
    const length = Buffer.byteLength(text);
    holdReply(length);
    response.writeHead(reply.status, {
      'Content-Type': 'application/x-amz-json-1.0',
      'Content-Length': length,
      'x-amzn-RequestId': randomUUID(),
      ...(!request.complete && { Connection: 'close' }),
    });
    response.end(text);
  };
  const server = createBoundedServer({ bounds, respond });
  const { url, close } = await listen(server, '127.0.0.1', 0);
  return { endpoint: url, close };
};
