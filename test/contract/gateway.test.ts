import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Handle, HttpRequest, PathParameters } from '../../functions/http/messages.ts';
import { times } from '../../functions/model/limits.ts';
import type { Clock } from '../../functions/vault/request.ts';
import { startGateway } from '../../host/gateway/gateway.ts';
import type { Listening } from '../../host/http/bounded-server.ts';
import { bounds } from '../../host/http/bounds.ts';
import { apiOf, type Place, replyOf } from '../support/api-of.ts';
import { checkRoute } from '../support/openapi.ts';
import { exchangeBytes, openSocket } from '../support/sockets.ts';
import { readTemplate } from '../support/template.ts';
import { untilSeen } from '../support/until.ts';
import { virtualClock } from '../support/virtual-clock.ts';

type Call = {
  readonly operation: string;
  readonly request: HttpRequest;
  readonly parameters: PathParameters;
};

let routes: readonly Place[];
let gateway: Listening;
let lines: string[];
let calls: Call[];
/** The reply of every operation. A test may replace it. */
let respond: Handle;

const lastCall = (): Call => {
  const call = calls.at(-1);
  if (call === undefined) throw new Error('no operation was called');
  return call;
};
const get = (path: string, init: RequestInit = {}) => fetch(`${gateway.url}${path}`, init);

const exchange = (sent: string) => exchangeBytes(gateway.url, sent);

const start = async (clock?: Clock): Promise<void> => {
  const handleOf =
    ({ operation }: Place): Handle =>
    (request, parameters) => {
      calls.push({ operation, request, parameters });
      return respond(request, parameters);
    };
  const report = (line: string) => void lines.push(line);
  const api = apiOf(routes, handleOf, { report, ...(clock && { clock }) });
  gateway = await startGateway({ api, host: '127.0.0.1', port: 0 });
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
  routes = (await readTemplate()).routes.filter(({ method }) => method !== 'HEAD');
});
beforeEach(async () => {
  lines = [];
  calls = [];
  respond = async () => replyOf('{}');
  await start();
});
afterEach(() => gateway.close(0));

describe('the local gateway', () => {
  it('calls the operation of each route, also with a slash at its end', async () => {
    for (const { method, path, operation } of routes) {
      const reply = await get(path.replace('{name}', 'DB').replace('{version}', '1'), { method });
      expect(reply.status).toBe(200);
      const version = path.includes('{version}') ? { version: '1' } : {};
      const parameters = path.includes('{name}') ? { name: 'DB', ...version } : {};
      expect(lastCall()).toMatchObject({ operation, parameters });
    }
    await get('/v1/secrets/');
    expect(lastCall().operation).toBe('list-secrets');
  });

  it('passes every byte of a body, and none of a missing body', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    await get('/v1/secrets', { method: 'POST', body: bytes });
    expect(lastCall().request.body).toEqual(Buffer.from(bytes));
    await get('/v1/secrets/DB');
    expect(lastCall().request.body).toHaveLength(0);
  });

  it('passes names in the path as they were sent', async () => {
    for (const name of ['a%2Fversions', '%41', '..%2e', 'a+b', '%zz']) {
      await exchange(`GET /v1/secrets/${name} HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n`);
      expect(lastCall().parameters).toEqual({ name });
    }
  });

  it('passes repeated query parameters, decoded once', async () => {
    await get('/v1/secrets?prefix=%2541&limit=1&limit=2&__proto__=x');
    expect(lastCall().request.query).toEqual([
      ['prefix', '%41'],
      ['limit', '1'],
      ['limit', '2'],
      ['__proto__', 'x'],
    ]);
  });

  it('passes every value of a header, also of Authorization and __proto__', async () => {
    await exchange(
      'GET /v1/secrets HTTP/1.1\r\nHost: v\r\nAuthorization: Bearer a\r\nauthorization: Bearer b\r\n' +
        'If-Match: "1"\r\nIf-Match: "2"\r\n__proto__: x\r\nConnection: close\r\n\r\n',
    );
    expect(Object.entries(lastCall().request.headers)).toEqual([
      ['host', ['v']],
      ['authorization', ['Bearer a', 'Bearer b']],
      ['if-match', ['"1"', '"2"']],
      ['__proto__', ['x']],
      ['connection', ['close']],
    ]);
  });

  it('gives each request its own id', async () => {
    await get('/health', { headers: { 'X-Request-Id': 'mine' } });
    await get('/health');
    const [one, other] = calls.map(({ request }) => request.requestId);
    expect(one).toMatch(/^[0-9a-f-]{36}$/);
    expect(one).not.toBe(other);
  });

  it('sends the answer of an operation to the client unchanged', async () => {
    respond = async () => ({
      ...replyOf('{"é":"\u{1F512}"}', { ETag: '"1"', 'Retry-After': '1' }),
      status: 201,
    });
    const reply = await get('/v1/secrets', { method: 'POST', body: '{}' });
    expect(reply.status).toBe(201);
    expect(await reply.text()).toBe('{"é":"\u{1F512}"}');
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      etag: '"1"',
      'retry-after': '1',
      'x-request-id': 'operation',
    });
  });

  it('sends a 304 with its headers alone, and answers the next request of the connection', async () => {
    respond = async ({ path }) => ({ ...replyOf(''), status: path === '/health' ? 200 : 304 });
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
    respond = async () => replyOf(body);
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
    expect(Buffer.from(lastCall().request.body).toString()).toBe(body);
    await get('/v1/secrets/DB', { method: 'DELETE' });
    expect(lastCall().request.body).toHaveLength(0);
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
      const closing = /^HTTP\/1.1 413 .*\r\nConnection: close\r\n.*"code":"too_large"/s;
      expect(await text(socket)).toMatch(closing);
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

  it('passes an Expect header other than 100-continue to the operation', async () => {
    const head = 'GET /health HTTP/1.1\r\nHost: v\r\nConnection: close\r\nExpect: more\r\n\r\n';
    expect(await exchange(head)).toMatch(/^HTTP\/1.1 200 /);
    expect(lastCall().request.headers['expect']).toEqual(['more']);
  });

  it('passes a body within the bound to the operation', async () => {
    const body = 'a'.repeat(4 * 1_048_576);
    expect((await get('/v1/secrets', { method: 'POST', body })).status).toBe(200);
    await expectProblem(
      await get('/v1/secrets', { method: 'POST', body: `${body}a` }),
      413,
      'too_large',
    );
    expect(calls).toHaveLength(1);
  });

  it.each<[string, Handle]>([
    ['throws', () => Promise.reject(new Error('hunter2'))],
    ['throws a value that is no Error', () => Promise.reject('hunter2')],
    ['throws synchronously', () => JSON.parse('hunter2')],
  ])('answers outcome_unknown for an operation that %s', async (_, broken) => {
    respond = broken;
    const reply = await get('/health');
    expect(reply.headers.get('retry-after')).toBeNull();
    const problem = await expectProblem(reply, 503, 'outcome_unknown');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`the operation get-health failed (${problem['requestId']})`);
    expect(JSON.stringify([problem, lines])).not.toContain('hunter2');
    respond = async () => replyOf('{}');
    expect((await get('/health')).status).toBe(200);
  });

  it('answers outcome_unknown when an operation gives no answer within the time limit, with Retry-After if the request has a key', async () => {
    await gateway.close(0);
    const clock = virtualClock();
    await start(clock);
    respond = () => new Promise(() => undefined);
    const headers = { 'Idempotency-Key': 'k'.repeat(16) };
    const asked = get('/health', { headers });
    await untilSeen(
      () => calls,
      ({ length }) => length > 0,
    );
    clock.advance(times.noAnswerMs + 1_000);
    const reply = await asked;
    await expectProblem(reply, 503, 'outcome_unknown');
    expect(reply.headers.get('retry-after')).toBe('1');
  });

  it('refuses a query with more parameters than any route could use, before it reads them', async () => {
    const { queryParametersMax: max } = bounds;
    expect((await get(`/health?${'a&'.repeat(max - 1)}b?c`)).status).toBe(200);
    const refused = await get(`/health?${'a&'.repeat(max)}b`);
    expect(await expectProblem(refused, 413, 'too_large')).toMatchObject({
      ...{ field: 'query', limit: max },
    });
    expect(calls).toHaveLength(1);
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
    expect(calls.map(({ request }) => request.path)).toEqual(['/health']);
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

  it('passes a token of 32 KiB to the operation unchanged', async () => {
    const authorization = `Bearer ${'a'.repeat(32_768)}`;
    await get('/v1/secrets', { headers: { authorization } });
    expect(lastCall().request.headers['authorization']).toEqual([authorization]);
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
