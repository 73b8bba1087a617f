/**
 * Hostile clients cannot make the local gateway hold more than its bounds allow, and it keeps
 * serving other clients.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Handle } from '../../functions/http/messages.ts';
import { startGateway } from '../../host/gateway/gateway.ts';
import type { Listening } from '../../host/http/bounded-server.ts';
import type { Bounds } from '../../host/http/bounds.ts';
import { apiOf, type Place } from '../support/api-of.ts';
import { checkRoute } from '../support/openapi.ts';
import { exchangeBytes, openSocket, readAll } from '../support/sockets.ts';
import { readTemplate } from '../support/template.ts';
import { until } from '../support/until.ts';

let routes: readonly Place[];
let gateway: Listening;
let calls: string[];
let sockets: Socket[];

const mebibyte = 1_048_576;
/** Longer than what the system buffers when a client does not read. */
const longReply = 'a'.repeat(32 * mebibyte);
const ok: Handle = async () => ({ status: 200, headers: {}, body: '{}' });
const long: Handle = async ({ path }) => ({
  ...{ status: 200, headers: {} },
  body: path === '/health' ? '{}' : longReply,
});
const okAfter =
  (ms: number): Handle =>
  async (request, parameters) => {
    await sleep(ms);
    return ok(request, parameters);
  };

const start = async (bounds: Partial<Bounds>, respond: Handle = ok): Promise<void> => {
  const handle: Handle = (request, parameters) => {
    calls.push(request.path);
    return respond(request, parameters);
  };
  const report = (line: string): never => {
    throw new Error(line);
  };
  const api = apiOf(routes, () => handle, { report });
  gateway = await startGateway({ api, host: '127.0.0.1', port: 0, bounds });
};
const open = async (): Promise<Socket> => {
  const socket = await openSocket(gateway.url);
  sockets.push(socket);
  return socket;
};
const get = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\nHost: v\r\n${headers}\r\n`;
const post = (length: number) =>
  `POST /v1/secrets HTTP/1.1\r\nHost: v\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n`;
const statusesIn = (read: string) =>
  [...read.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) => code);
const healthOf = async (): Promise<number> => (await fetch(`${gateway.url}/health`)).status;

/** The only problem reply in these bytes. It must match the API's contract. */
const problemIn = (read: string): Record<string, unknown> => {
  const [head = '', body = ''] = read.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const headers = new Map(
    lines
      .map((line) => line.split(': '))
      .map(([name = '', value = '']) => [name.toLowerCase(), value]),
  );
  expect(checkRoute(Number(first.split(' ')[1]), headers, body)).toEqual([]);
  return JSON.parse(body);
};

beforeAll(async () => {
  ({ routes } = await readTemplate());
});
beforeEach(() => {
  [calls, sockets] = [[], []];
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await gateway.close(0);
});

describe('the gateway', () => {
  const closing = 'Connection: close\r\n';

  it.each([
    ['query', 'query parameters', get(`/health?${'a&'.repeat(100)}`, closing)],
    ['headers', 'headers', get('/health', `${closing}${'A: b\r\n'.repeat(99)}`)],
  ])('answers 413 (%s) to more than 100 %s, and calls no function', async (field, _, sent) => {
    await start({});
    const read = await exchangeBytes(gateway.url, sent);
    expect(problemIn(read)).toMatchObject({ code: 'too_large', field, limit: 100 });
    expect(calls).toEqual([]);
  });

  it('calls the function of a request with 100 query parameters and 100 headers', async () => {
    await start({});
    const target = `/health?${'a&'.repeat(99)}a`;
    const read = await exchangeBytes(
      gateway.url,
      get(target, `${closing}${'A: b\r\n'.repeat(98)}`),
    );
    expect(statusesIn(read)).toEqual(['200']);
    expect(calls).toEqual(['/health']);
  });

  it('answers a query of four times the length in less than ten times the time', async () => {
    await start({});
    const timeOf = async (bytes: number): Promise<number> => {
      const began = performance.now();
      await exchangeBytes(gateway.url, get(`/health?${'a&'.repeat(bytes / 2)}`, closing));
      return performance.now() - began;
    };
    const least = async (bytes: number): Promise<number> => {
      const times: number[] = [];
      for (let round = 0; round < 3; round += 1) times.push(await timeOf(bytes));
      return Math.max(10, Math.min(...times));
    };
    const before = await least(16_000);
    expect((await least(64_000)) / before).toBeLessThan(10);
  });
});

describe('the gateway, with clients that do not read their replies,', () => {
  it('ends their connections after the time limit for reading, and serves other clients meanwhile', async () => {
    await start({ replyMs: 200 }, long);
    const deaf = await Promise.all([open(), open(), open()]);
    for (const socket of deaf) socket.write(get('/v1/secrets'));
    await until(() => calls.length === 3);
    expect(await healthOf()).toBe(200);
    await sleep(2_000);
    for (const socket of deaf)
      expect((await readAll(socket)).length).toBeLessThan(longReply.length);
  });

  it('ends the connections that have read nothing for longest when all replies together exceed the bound', async () => {
    await start({ replyBytesHeldMax: 2.5 * longReply.length }, long);
    const deaf: Socket[] = [];
    for (let asked = 1; asked <= 4; asked += 1) {
      const socket = await open();
      socket.write(get('/v1/secrets', 'Connection: close\r\n'));
      await until(() => calls.length === asked);
      // Once the first bytes arrive, the gateway is sending this reply.
      await once(socket, 'readable');
      deaf.push(socket);
    }
    expect(await healthOf()).toBe(200);
    const lengths = (await Promise.all(deaf.map(readAll))).map(({ length }) => length);
    expect(lengths.map((length) => length > longReply.length)).toEqual([false, false, true, true]);
  });
});

describe('the gateway, with half-sent bodies,', () => {
  it('refuses the oldest request when all bodies together exceed the bound, and answers the rest once they are complete', async () => {
    await start({ bodyBytesHeldMax: 3.5 * mebibyte });
    const half: Socket[] = [];
    for (let sent = 1; sent <= 4; sent += 1) {
      const socket = await open();
      socket.write(post(mebibyte));
      await new Promise((resolve) => socket.write('a'.repeat(mebibyte - 1), resolve));
      half.push(socket);
    }
    const [oldest, ...others] = half;
    if (oldest === undefined) throw new Error('there is no oldest');
    const [chunk] = await once(oldest, 'data');
    expect(problemIn(String(chunk))).toMatchObject({ code: 'throttled', retryable: true });
    for (const socket of others) {
      socket.write('a');
      expect(statusesIn(await readAll(socket))).toEqual(['200']);
    }
  });
});

describe('the gateway, with many connections or requests,', () => {
  it('ends the connection that has waited longest for its client when a new one arrives', async () => {
    await start({ connectionsMax: 3 });
    const [first, second] = [await open(), await open()];
    second.write('GET /health HT');
    const third = await open();
    third.write(get('/health'));
    await once(third, 'data');
    const ended = once(first.resume(), 'close');
    const fourth = await open();
    fourth.write(get('/health', 'Connection: close\r\n'));
    expect(statusesIn(await readAll(fourth))).toEqual(['200']);
    await ended;
    for (const [socket, rest] of [
      [second, 'TP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n'],
      [third, get('/health', 'Connection: close\r\n')],
    ] as const) {
      socket.write(rest);
      expect(statusesIn(await readAll(socket))).toEqual(['200']);
    }
  });

  it('keeps connections whose requests are running, and closes a new connection beyond the limit', async () => {
    const answered = Promise.withResolvers<void>();
    await start({ connectionsMax: 1 }, async (request, parameters) => {
      await answered.promise;
      return ok(request, parameters);
    });
    const working = await open();
    working.write(get('/health', 'Connection: close\r\n'));
    await until(() => calls.length === 1);
    expect(await readAll(await open())).toBe('');
    answered.resolve();
    expect(statusesIn(await readAll(working))).toEqual(['200']);
  });

  it('calls one function at a time for a connection, in the order of its requests', async () => {
    let running = 0;
    let most = 0;
    await start({}, async ({ path }) => {
      running += 1;
      most = Math.max(most, running);
      await sleep(path === '/health' ? 20 : 1);
      running -= 1;
      return { status: 200, headers: {}, body: path };
    });
    const sent = `${get('/health')}${get('/v1/secrets')}${get('/v1/status', 'Connection: close\r\n')}`;
    const read = await exchangeBytes(gateway.url, sent);
    expect(read.match(/\/health|\/v1\/secrets|\/v1\/status/g)).toEqual([
      '/health',
      '/v1/secrets',
      '/v1/status',
    ]);
    expect(most).toBe(1);
  });

  it('ends a connection with too many waiting requests', async () => {
    await start({ waitingRequestsMax: 4 }, () => sleep(60_000, undefined as never, { ref: false }));
    const socket = await open();
    socket.write(get('/health').repeat(5));
    expect(await readAll(socket)).toBe('');
    expect(calls.length).toBeLessThanOrEqual(1);
  });
});

describe('the gateway, with requests that arrive too slowly,', () => {
  const quick = { requestMs: 200, headersMs: 200, checkEveryMs: 20 };
  const timeout = { code: 'request_timeout', status: 408, retryable: true };

  it.each([
    ['half its body', `${post(2)}a`],
    ['half its headers', 'GET /health HTTP/1.1\r\nHost: v\r\n'],
    ['nothing', ''],
  ])(
    'answers a retryable 408 to a client that sends %s, and calls no function',
    async (_, sent) => {
      await start(quick);
      const socket = await open();
      socket.write(sent);
      const [chunk] = await once(socket, 'data');
      expect(problemIn(String(chunk))).toMatchObject(timeout);
      expect(String(chunk)).toMatch(/^Connection: close\r$/im);
      // The function is not called even if the rest of the body arrives.
      socket.write('a');
      await once(socket.resume(), 'close');
      expect(calls).toEqual([]);
    },
  );

  it('answers 408 after the replies to earlier requests of the connection', async () => {
    const slower = { ...quick, requestMs: 2_000, headersMs: 2_000, lingerMs: 100 };
    await start(slower, okAfter(5_000));
    const socket = await open();
    socket.write(`${get('/health')}${post(4 * mebibyte)}${'a'.repeat(4 * mebibyte)}`);
    const read = await readAll(socket);
    expect(statusesIn(read)).toEqual(['200', '408']);
    expect(problemIn(read.slice(read.indexOf('HTTP/1.1 408')))).toMatchObject(timeout);
    expect(calls).toEqual(['/health']);
  });
});

describe('the gateway, with a request that does not name one host,', () => {
  const closing = 'Connection: close\r\n\r\n';
  const wrongHosts: readonly (readonly [what: string, headers: string])[] = [
    ['no Host', ''],
    ['two different Hosts', 'Host: v\r\nHost: w\r\n'],
    ['two equal Hosts', 'Host: v\r\nHost: v\r\n'],
    ['two Hosts in different case', 'Host: v\r\nhOST: v\r\n'],
  ];

  it.each(wrongHosts)(
    'answers 400 to HTTP/1.1 with %s, and calls no function',
    async (_, headers) => {
      await start({});
      const read = await exchangeBytes(
        gateway.url,
        `GET /health HTTP/1.1\r\n${headers}\r\n${get('/health', 'Connection: close\r\n')}`,
      );
      expect(problemIn(read)).toMatchObject({
        code: 'invalid_request',
        status: 400,
        field: 'Host',
      });
      expect(read).toMatch(/^Connection: close\r$/im);
      expect(statusesIn(read)).toEqual(['400']);
      // Whatever follows in the same connection is not treated as a request either.
      expect(calls).toEqual([]);
    },
  );

  it('answers 400 to HTTP/1.0 with two Hosts, and 200 with one or none', async () => {
    await start({});
    const statusOf = async (hosts: string) =>
      statusesIn(await exchangeBytes(gateway.url, `GET /health HTTP/1.0\r\n${hosts}${closing}`));
    expect(await statusOf('')).toEqual(['200']);
    expect(await statusOf('Host: v\r\n')).toEqual(['200']);
    expect(await statusOf('Host: v\r\nHost: v\r\n')).toEqual(['400']);
  });

  it('answers 400, and no 100 Continue, to a client that sends Expect before its body', async () => {
    await start({});
    const head = 'POST /v1/secrets HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n';
    expect(statusesIn(await exchangeBytes(gateway.url, head))).toEqual(['400']);
    expect(calls).toEqual([]);
  });

  it('still answers the earlier requests of the connection', async () => {
    await start({}, okAfter(50));
    const sent = `${get('/health')}GET /v1/status HTTP/1.1\r\n${closing}`;
    expect(statusesIn(await exchangeBytes(gateway.url, sent))).toEqual(['200', '400']);
    expect(calls).toEqual(['/health']);
  });
});

describe('the gateway, with bytes that are not HTTP,', () => {
  it('answers 400 after the replies to earlier requests', async () => {
    await start({}, okAfter(50));
    const read = await exchangeBytes(gateway.url, `${get('/health')}no request\r\n\r\n`);
    expect(statusesIn(read)).toEqual(['200', '400']);
  });

  it('answers 400 at once in the middle of a body', async () => {
    await start({});
    const head = 'POST /v1/secrets HTTP/1.1\r\nHost: v\r\nTransfer-Encoding: chunked\r\n\r\n';
    const read = await exchangeBytes(gateway.url, `${head}1\r\na\r\nno size\r\n`);
    expect(problemIn(read)).toMatchObject({ code: 'invalid_request', retryable: false });
    expect(calls).toEqual([]);
  });
});
