import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import { startGateway } from '../../host/gateway/gateway.ts';
import type { Handler } from '../../host/gateway/lambda.ts';
import type { Listening } from '../../host/http/bounded-server.ts';
import { type Route, readTemplate } from '../../host/template.ts';
import { checkRoute } from '../support/openapi.ts';
import { exchangeBytes, openSocket } from '../support/sockets.ts';
import { untilSeen } from '../support/until.ts';

type Call = { readonly event: APIGatewayProxyEvent; readonly context: Context };

let routes: readonly Route[];
let gateway: Listening;
let lines: string[];
let calls: Call[];
/** The reply of every function. A test may replace it. */
let respond: Handler;

const replyOf = (body: string, headers = {}): APIGatewayProxyResult => ({
  statusCode: 200,
  headers: { 'Content-Type': 'application/json', 'X-Request-Id': 'function', ...headers },
  body,
});
const lastCall = (): Call => {
  const call = calls.at(-1);
  if (call === undefined) throw new Error('no function was called');
  return call;
};
const get = (path: string, init: RequestInit = {}) => fetch(`${gateway.url}${path}`, init);

const exchange = (sent: string) => exchangeBytes(gateway.url, sent);

const start = async (served: readonly Route[]): Promise<void> => {
  const handler: Handler = (event, context) => {
    calls.push({ event, context });
    return respond(event, context);
  };
  const handlers = new Map(served.map(({ operation }) => [operation, handler]));
  const report = (line: string) => void lines.push(line);
  gateway = await startGateway({ routes: served, handlers, host: '127.0.0.1', port: 0, report });
};

const problemHeaders = {
  'content-type': 'application/problem+json',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
};
const expectProblem = async (reply: Response, status: number, code: string) => {
  expect(reply.status).toBe(status);
  expect(Object.fromEntries(reply.headers)).toMatchObject(problemHeaders);
  const body = (await reply.json()) as Record<string, unknown>;
  expect(body).toMatchObject({
    type: `https://vault.invalid/problems/${code.replaceAll('_', '-')}`,
    status,
    code,
    requestId: reply.headers.get('x-request-id'),
  });
  return body;
};

beforeAll(async () => {
  ({ routes } = await readTemplate());
});
beforeEach(async () => {
  lines = [];
  calls = [];
  respond = async () => replyOf('{}');
  await start(routes);
});
afterEach(() => gateway.close(0));

describe('the local gateway', () => {
  it('calls the function of each route of the template, also with a slash at its end', async () => {
    for (const { method, path, operation } of routes) {
      const reply = await get(path.replace('{name}', 'DB').replace('{version}', '1'), { method });
      expect(reply.status).toBe(200);
      const { event, context } = lastCall();
      expect(context.functionName).toBe(operation);
      expect(event).toMatchObject({ httpMethod: method, resource: path });
      const version = path.includes('{version}') ? { version: '1' } : {};
      const parameters = path.includes('{name}') ? { name: 'DB', ...version } : null;
      expect(event.pathParameters).toEqual(parameters);
    }
    await get('/v1/secrets/');
    expect(lastCall().context.functionName).toBe('list-secrets');
  });

  it('passes every byte of a body as base64, and a missing body as null', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    await get('/v1/secrets', { method: 'POST', body: bytes });
    const { body, isBase64Encoded } = lastCall().event;
    expect(isBase64Encoded).toBe(true);
    expect(Buffer.from(body ?? '', 'base64')).toEqual(Buffer.from(bytes));
    await get('/v1/secrets/DB');
    expect(lastCall().event.body).toBeNull();
  });

  it('passes names in the path as they were sent', async () => {
    for (const name of ['a%2Fversions', '%41', '..%2e', 'a+b', '%zz']) {
      await exchange(`GET /v1/secrets/${name} HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n`);
      expect(lastCall().event.pathParameters).toEqual({ name });
    }
  });

  it('passes repeated query parameters, decoded once', async () => {
    await get('/v1/secrets?prefix=%2541&limit=1&limit=2&__proto__=x');
    const { queryStringParameters, multiValueQueryStringParameters } = lastCall().event;
    expect(queryStringParameters).toEqual(
      JSON.parse('{"prefix":"%41","limit":"2","__proto__":"x"}'),
    );
    expect(Object.entries(multiValueQueryStringParameters ?? {})).toEqual([
      ['prefix', ['%41']],
      ['limit', ['1', '2']],
      ['__proto__', ['x']],
    ]);
  });

  it('passes repeated headers as they were sent, also Authorization', async () => {
    await exchange(
      'GET /v1/secrets HTTP/1.1\r\nHost: v\r\nAuthorization: Bearer a\r\nauthorization: Bearer b\r\n' +
        'If-Match: "1"\r\nIf-Match: "2"\r\nConnection: close\r\n\r\n',
    );
    const { headers, multiValueHeaders } = lastCall().event;
    expect(multiValueHeaders).toMatchObject({
      Authorization: ['Bearer a', 'Bearer b'],
      'If-Match': ['"1"', '"2"'],
    });
    expect(headers['Authorization']).toBe('Bearer b');
  });

  it('gives each request its own id and the time limit of its function', async () => {
    await get('/health', { headers: { 'X-Request-Id': 'mine' } });
    const asked = performance.now();
    await get('/health');
    const [one, other] = calls.map(({ context }) => context.awsRequestId);
    expect(one).toMatch(/^[0-9a-f-]{36}$/);
    expect(one).not.toBe(other);
    const remainingMs = lastCall().context.getRemainingTimeInMillis();
    expect(remainingMs).toBeLessThanOrEqual(15_000);
    expect(remainingMs + performance.now() - asked).toBeGreaterThan(14_000);
  });

  it('sends the answer of a function to the client unchanged', async () => {
    respond = async () => ({
      ...replyOf('{"é":"\u{1F512}"}', { ETag: '"1"', 'Retry-After': 1 }),
      statusCode: 201,
    });
    const reply = await get('/v1/secrets', { method: 'POST', body: '{}' });
    expect(reply.status).toBe(201);
    expect(await reply.text()).toBe('{"é":"\u{1F512}"}');
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      etag: '"1"',
      'retry-after': '1',
      'x-request-id': 'function',
    });
  });

  it('decodes the base64 body of a function and sends the bytes', async () => {
    respond = async () => ({ ...replyOf('/wA='), isBase64Encoded: true });
    const reply = await get('/health');
    expect(Buffer.from(await reply.arrayBuffer())).toEqual(Buffer.from([0xff, 0x00]));
  });

  it('sends a 304 with its headers alone, and answers the next request of the connection', async () => {
    respond = async ({ path }) => ({ ...replyOf(''), statusCode: path === '/health' ? 200 : 304 });
    const replies = await exchange(
      'GET /v1/secrets/DB HTTP/1.1\r\nHost: v\r\n\r\n' +
        'GET /health HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n',
    );
    const [unchanged = '', next = ''] = replies.split(/(?<=\r\n\r\n)/);
    expect(unchanged).toMatch(/^HTTP\/1\.1 304 /);
    expect(unchanged).not.toMatch(/content-length|transfer-encoding/i);
    expect(next).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('answers HEAD as GET without the body, and then the next request of the connection', async () => {
    const body = JSON.stringify({ value: 'x'.repeat(100_000) });
    respond = async ({ httpMethod }) => replyOf(httpMethod === 'POST' ? '{}' : body);
    const ask = (method: string, path = '/v1/secrets/DB') =>
      `${method} ${path} HTTP/1.1\r\nHost: v\r\nConnection: ${path === '/health' ? 'close' : 'keep-alive'}\r\n\r\n`;
    const dateless = (text = '') => text.replace(/Date: .*/, '');
    const replies = await exchange(
      ask('HEAD') + ask('GET') + ask('HEAD', '/other') + ask('GET', '/health'),
    );
    const [head, got, sent, missing, last] = replies.split(/(?<=\r\n\r\n|\})(?=HTTP|\{)/);
    expect(dateless(head)).toBe(dateless(got));
    expect(head).toContain(`Content-Length: ${body.length}`);
    expect(sent).toBe(body);
    expect(missing).toMatch(/^HTTP\/1\.1 404 /);
    expect(last).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('passes the body of a DELETE, if it has one', async () => {
    const body = '{"note":"é"}';
    await get('/v1/secrets/DB', { method: 'DELETE', body });
    const { event } = lastCall();
    expect(event.isBase64Encoded).toBe(true);
    expect(Buffer.from(event.body ?? '', 'base64').toString()).toBe(body);
    await get('/v1/secrets/DB', { method: 'DELETE' });
    expect(lastCall().event.body).toBeNull();
  });

  it('keeps a connection open for the next request', async () => {
    const request = (last: boolean) =>
      `GET /health HTTP/1.1\r\nHost: v\r\n${last ? 'Connection: close\r\n' : ''}\r\n`;
    expect((await exchange(request(false) + request(true))).match(/HTTP\/1.1 200/g)).toHaveLength(
      2,
    );
    const notFound = request(false).replace('/health', '/other');
    expect(await exchange(notFound + request(true))).toMatch(/HTTP\/1.1 404.*HTTP\/1.1 200/s);
  });
});

describe('the local gateway, when something is wrong,', () => {
  it('answers route_not_found on a path without a route', async () => {
    const others = ['/', '/v1', '/v2/secrets', '/v1/secrets/a/b', '/v1/secrets/a/versions/1/x'];
    for (const path of [...others, '/v1/secrets//versions']) {
      await expectProblem(await get(path), 404, 'route_not_found');
    }
    const absolute = 'GET http://other/v1/secrets HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n';
    const doubled = 'GET //v1//secrets HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n';
    for (const request of [absolute, doubled]) {
      expect(await exchange(request)).toMatch(/^HTTP\/1.1 404 .*"code":"route_not_found"/s);
    }
    expect(calls).toEqual([]);
  });

  it('answers 405 to a method that the route does not have, and lists the methods that it has', async () => {
    const allow = async (method: string, path: string) => {
      const reply = await get(path, { method });
      await expectProblem(reply, 405, 'method_not_allowed');
      return reply.headers.get('allow');
    };
    expect(await allow('DELETE', '/v1/secrets')).toBe('POST, GET, HEAD');
    expect(await allow('OPTIONS', '/v1/secrets/DB')).toBe('PUT, DELETE, GET, HEAD');
    expect(await allow('GET', '/v1/env/encrypt')).toBe('POST');
    expect(await allow('POST', '/health')).toBe('GET, HEAD');
    const head = await get('/v1/env', { method: 'HEAD' });
    expect([head.status, head.headers.get('allow')]).toEqual([405, 'POST']);
    expect(calls).toEqual([]);
  });

  it.each(['http://127.0.0.1:3000', 'https://a.example', 'null'])(
    'refuses every request with the origin %s',
    async (Origin) => {
      const headers = { Origin };
      for (const { method, path } of routes) {
        const reply = await get(path.replace('{name}', 'DB'), { method, headers });
        if (method === 'HEAD') expect(reply.status).toBe(403);
        else await expectProblem(reply, 403, 'forbidden');
      }
      const asked = { ...headers, 'Access-Control-Request-Method': 'POST' };
      const preflight = await get('/v1/secrets', { method: 'OPTIONS', headers: asked });
      const refused = await expectProblem(preflight, 403, 'forbidden');
      expect([...preflight.headers.keys()].join()).not.toContain('access-control');
      const { headers: told, status } = preflight;
      expect(checkRoute(status, new Map(told), JSON.stringify(refused))).toEqual([]);
      expect(calls).toEqual([]);
    },
  );

  it.each([
    ['announces its length', { 'Content-Length': String(10 * 1_048_576) }],
    ['announces no length', {}],
  ])('answers 413 to a sender that %s and sends more than any bound', async (_, headers) => {
    const block = Buffer.alloc(65_536, 'a');
    const body = new ReadableStream({
      start: (controller) => {
        for (let index = 0; index < 160; index += 1) controller.enqueue(block);
        controller.close();
      },
    });
    const init = { method: 'POST', body, headers, duplex: 'half' } as RequestInit;
    const problem = await expectProblem(await get('/v1/secrets', init), 413, 'too_large');
    expect(problem).toMatchObject({ limit: 1_048_576 });
    expect(calls).toEqual([]);
  });

  it.each([
    ['announces its length', 'Content-Length: 16777216\r\n\r\n', ''],
    ['announces no length', 'Transfer-Encoding: chunked\r\n\r\n1000000\r\n', '\r\n0\r\n\r\n'],
  ])(
    'delivers 413 to a sender that %s and reads only after it has sent all',
    async (_, before, after) => {
      const socket = await openSocket(gateway.url);
      socket.write(`POST /v1/secrets HTTP/1.1\r\nHost: v\r\n${before}`);
      await new Promise((resolve, reject) => {
        socket.once('error', reject);
        socket.write(`${'a'.repeat(16_777_216)}${after}`, resolve);
      });
      expect(await text(socket)).toMatch(/^HTTP\/1.1 413 .*"code":"too_large"/s);
    },
  );

  it('refuses too large a body before it is sent, if the sender asks with Expect', async () => {
    const head = (length: number) =>
      `POST /v1/secrets HTTP/1.1\r\nHost: v\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`;
    const socket = await openSocket(gateway.url);
    socket.write(head(10 * 1_048_576));
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1.1 413 /);
    socket.destroy();
    expect(await exchange(`${head(2)}{}`)).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 /);
  });

  it('passes an Expect header other than 100-continue to the function', async () => {
    const head = 'GET /health HTTP/1.1\r\nHost: v\r\nConnection: close\r\nExpect: more\r\n\r\n';
    expect(await exchange(head)).toMatch(/^HTTP\/1.1 200 /);
    expect(lastCall().event.headers).toMatchObject({ Expect: 'more' });
  });

  it('passes a body within the bound to the function', async () => {
    const body = 'a'.repeat(4 * 1_048_576);
    expect((await get('/v1/secrets', { method: 'POST', body })).status).toBe(200);
    await expectProblem(
      await get('/v1/secrets', { method: 'POST', body: `${body}a` }),
      413,
      'too_large',
    );
    expect(calls).toHaveLength(1);
  });

  it.each<[string, Handler]>([
    ['throws', () => Promise.reject(new Error('hunter2'))],
    ['throws a value that is no Error', () => Promise.reject('hunter2')],
    ['throws synchronously', () => JSON.parse('hunter2')],
    ['answers nothing', async () => JSON.parse('null')],
    ['answers without a status', async () => JSON.parse('{"body":""}')],
    ['answers with status 101', async () => ({ ...replyOf('{}'), statusCode: 101 })],
    ['answers with status 600', async () => ({ ...replyOf('{}'), statusCode: 600 })],
    ['answers without a body', async () => JSON.parse('{"statusCode":200}')],
    ['answers a line break in a header', async () => replyOf('{}', { 'X-A': 'a\r\nX-B: hunter2' })],
    ['answers an invalid header name', async () => replyOf('{}', { 'X A: hunter2': 'a' })],
  ])('answers outcome_unknown for a function that %s', async (_, broken) => {
    respond = broken;
    const reply = await get('/health');
    expect(reply.headers.get('retry-after')).toBeNull();
    const problem = await expectProblem(reply, 503, 'outcome_unknown');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`the function get-health failed (${problem['requestId']})`);
    expect(JSON.stringify([problem, lines])).not.toContain('hunter2');
    respond = async () => replyOf('{}');
    expect((await get('/health')).status).toBe(200);
  });

  it('answers outcome_unknown when a function runs longer than its time limit, with Retry-After if the request has a key', async () => {
    await gateway.close(0);
    await start(routes.map((route) => ({ ...route, timeoutMs: 20 })));
    respond = () => sleep(2_000, replyOf(''), { ref: false });
    const headers = { 'Idempotency-Key': 'k'.repeat(16) };
    const reply = await get('/health', { headers });
    await expectProblem(reply, 503, 'outcome_unknown');
    expect(reply.headers.get('retry-after')).toBe('1');
  });

  it('survives a sender that disconnects in the middle of a body', async () => {
    const socket = await openSocket(gateway.url);
    const head = 'POST /v1/secrets HTTP/1.1\r\nHost: v\r\nExpect: 100-continue\r\n';
    socket.write(`${head}Content-Length: 9\r\n\r\n`);
    // The gateway is now waiting for the body.
    await once(socket, 'data');
    socket.end('half');
    await once(socket, 'close');
    expect((await get('/health')).status).toBe(200);
    expect(calls.map(({ event }) => event.path)).toEqual(['/health']);
  });

  it('answers bytes that are not HTTP with a problem', async () => {
    for (const [request, status, code] of [
      ['hello\r\n\r\n', 400, 'invalid_request'],
      ['GET / HTTP/1.1\r\nA b\r\n\r\n', 400, 'invalid_request'],
      [`GET / HTTP/1.1\r\nA: ${'b'.repeat(70_000)}\r\n\r\n`, 413, 'too_large'],
    ] as const) {
      const reply = await exchange(request);
      expect(reply).toMatch(new RegExp(`^HTTP/1.1 ${status} .*"code":"${code}"`, 's'));
      expect(reply).toMatch(/Content-Type: application\/problem\+json/);
      expect(reply).toMatch(/Connection: close/);
      expect(Date.parse(/\r\nDate: (.* GMT)\r\n/.exec(reply)?.[1] ?? '')).not.toBeNaN();
    }
  });

  it('passes a token of 32 KiB to the function unchanged', async () => {
    const authorization = `Bearer ${'a'.repeat(32_768)}`;
    await get('/v1/secrets', { headers: { authorization } });
    expect(lastCall().event.headers['authorization']).toBe(authorization);
  });
});

describe('closing the local gateway', () => {
  it('finishes running requests and accepts no new ones', async () => {
    respond = () => sleep(100, replyOf('{"done":true}'));
    const underWay = get('/health');
    await untilSeen(
      () => calls,
      ({ length }) => length > 0,
    );
    const closed = gateway.close(5_000);
    const reply = await underWay;
    expect(reply.headers.get('connection')).toBe('close');
    expect(await reply.json()).toEqual({ done: true });
    await closed;
    await expect(get('/health')).rejects.toThrow('fetch failed');
  });

  it('ends after its grace period even if a request still runs', async () => {
    respond = () => sleep(60_000, replyOf('{}'), { ref: false });
    const underWay = get('/health').catch(() => 'ended');
    await untilSeen(
      () => calls,
      ({ length }) => length > 0,
    );
    const began = performance.now();
    await gateway.close(50);
    expect(performance.now() - began).toBeLessThan(30_000);
    expect(await underWay).toBe('ended');
  });
});
