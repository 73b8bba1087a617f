import { EventEmitter, getEventListeners, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { isVaultError } from '../../../client/errors.ts';
import { bytesOf, type ClientEvent, createClient, type Sender } from '../../../client/index.ts';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;
type Arrived = { readonly request: IncomingMessage; readonly body: string };

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** Makes a client of a server that gives these answers. The server repeats the last one. */
const clientOf = async (answers: readonly Answer[], options: Partial<Sender> = {}) => {
  const arrived: Arrived[] = [];
  const events: ClientEvent[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    arrived.push({ request, body });
    (answers[arrived.length - 1] ?? answers.at(-1))?.(response, request);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const addr = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const onEvent = (event: ClientEvent) => void events.push(event);
  const client = createClient({ addr, token: 'token', onEvent, ...options });
  return { client, addr, arrived, events };
};

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (response) => {
    const type = status < 300 ? 'application/json' : 'application/problem+json';
    response.writeHead(status, { 'Content-Type': type, ...headers }).end(JSON.stringify(body));
  };

const problem = (status: number, code: string, more: object = {}): Answer =>
  json(status, { code, detail: `about ${code}`, status, retryable: false, ...more });

const busy = problem(503, 'store_unavailable', { retryable: true });
const written = { name: 'A', version: 1, validFrom: '2026-11-24T14:30:48.123Z' };
const created = json(201, written);
const drop: Answer = (response) => response.destroy();
const silent: Answer = () => undefined;

const errorOf = async (work: Promise<unknown>) => {
  const error: unknown = await work.then(
    () => undefined,
    (thrown) => thrown,
  );
  if (isVaultError(error)) return error;
  throw new Error('the client threw no VaultError', { cause: error });
};

const allOf = async (entries: AsyncIterable<unknown>): Promise<unknown[]> => {
  const all: unknown[] = [];
  for await (const entry of entries) all.push(entry);
  return all;
};

describe('the client', () => {
  it.each([
    ['a lost answer', drop],
    ['a busy vault', busy],
    ['a gateway that gave up', json(502, 'Bad Gateway', { 'Content-Type': 'text/html' })],
    ['a proxy that throttles', json(429, 'slow down', { 'Content-Type': 'text/html' })],
    ['a proxy that gave up waiting', json(408, 'late', { 'Content-Type': 'text/html' })],
  ])('retries a write with the same idempotency key after %s', async (_, first) => {
    const { client, arrived, events } = await clientOf([first, created]);
    expect(await client.create('A', 'v', { note: 'n' })).toEqual(written);
    const keys = arrived.map(({ request }) => request.headers['idempotency-key']);
    expect(keys).toEqual([keys[0], keys[0]]);
    expect(arrived.map(({ body }) => JSON.parse(body))).toEqual(
      [1, 2].map(() => ({ name: 'A', value: 'v', note: 'n' })),
    );
    const told = events.map(({ type }) => type).filter((type) => type !== 'answered');
    expect(told).toEqual(['sending', 'repeating', 'sending']);
  });

  it('stops after the allowed retries, and says that a write may have taken effect', async () => {
    const { client, arrived } = await clientOf([drop], { retries: 1 });
    const error = await errorOf(client.update('A', 'v', { idempotencyKey: 'k'.repeat(16) }));
    expect(error).toMatchObject({ code: 'unreachable', mayHaveEffect: true });
    expect(error.idempotencyKey).toBe('k'.repeat(16));
    expect(arrived).toHaveLength(2);
  });

  it.each([
    ['a read', 'get', drop, false],
    ['a clear refusal of a write', 'delete', problem(404, 'not_found'), false],
    [
      'a write whose outcome the vault does not know',
      'delete',
      problem(503, 'outcome_unknown'),
      true,
    ],
    ['a redirected write', 'delete', json(307, {}, { Location: '/v1/secrets/B' }), true],
  ] as const)(
    'without retries, says after %s whether the request may have taken effect',
    async (_, method, answer, expected) => {
      const { client, arrived } = await clientOf([answer], { retries: 0 });
      expect(await errorOf(client[method]('A'))).toMatchObject({ mayHaveEffect: expected });
      expect(arrived).toHaveLength(1);
    },
  );

  it('keeps saying that a write may have taken effect if only a later attempt is refused', async () => {
    const { client } = await clientOf([drop, problem(401, 'unauthenticated')]);
    const error = await errorOf(client.create('A', 'v'));
    expect(error).toMatchObject({ code: 'unauthenticated', mayHaveEffect: true });
  });

  it('waits as long as the answer says, but throws the error at once if that is more than a minute', async () => {
    const later = (seconds: string) =>
      json(429, { code: 'throttled', detail: '', retryable: true }, { 'Retry-After': seconds });
    const { client, events } = await clientOf([later('0.01'), later('61')]);
    expect(await errorOf(client.get('A'))).toMatchObject({ code: 'throttled', status: 429 });
    const [waited, ...none] = events.filter((event) => event.type === 'repeating');
    expect(none).toEqual([]);
    expect(waited?.waitMs).toBeGreaterThanOrEqual(10);
  });

  it.each([
    ['not a number', 'soon'],
    ['negative', '-5'],
    ['an HTTP date', 'Fri, 01 Jan 2100 00:00:00 GMT'],
  ])('retries after its own short wait if Retry-After is %s', async (_, after) => {
    const later = problem(503, 'store_unavailable', { retryable: true });
    const { client, events } = await clientOf([
      (response, request) => later(response.setHeader('Retry-After', after), request),
      created,
    ]);
    expect(await client.create('A', 'v')).toEqual(written);
    const [waited] = events.filter((event) => event.type === 'repeating');
    expect(waited?.waitMs).toBeGreaterThanOrEqual(0);
    expect(waited?.waitMs).toBeLessThan(200);
  });

  it('aborts an attempt at its time limit', async () => {
    const { client } = await clientOf([silent], { timeoutMs: 20, retries: 0 });
    expect(await errorOf(client.get('A'))).toMatchObject({ code: 'timed_out', retryable: true });
  });

  it('throws the reason of the abort signal if a request is aborted before its answer', async () => {
    const left = new AbortController();
    const reason = new Error('enough');
    const abort = () => void setImmediate(() => left.abort(reason));
    const { client, arrived } = await clientOf([abort], { retries: 0 });
    const { signal } = left;
    await expect(client.get('A', { signal })).rejects.toBe(reason);
    await expect(client.get('A', { signal })).rejects.toBe(reason);
    expect(arrived).toHaveLength(1);
  });

  it('throws the reason of the abort signal if a request is aborted before its next attempt', async () => {
    const left = new AbortController();
    const reason = new Error('enough');
    const onEvent = ({ type }: ClientEvent) => {
      if (type === 'repeating') setImmediate(() => left.abort(reason));
    };
    const { client, arrived } = await clientOf([busy], { onEvent });
    await expect(client.get('A', { signal: left.signal })).rejects.toBe(reason);
    expect(arrived).toHaveLength(1);
  });

  it('leaves no listener on a signal that outlives the request', async () => {
    const { signal } = new AbortController();
    const { client } = await clientOf([drop, created]);
    await client.create('A', 'v', { signal });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('gets another token after a 401, once for each request', async () => {
    const asked: (string | undefined)[] = [];
    const token = (refused?: string) => {
      asked.push(refused);
      return refused === undefined ? 'old' : 'new';
    };
    const refuse = problem(401, 'unauthenticated');
    const { client, arrived } = await clientOf([refuse, created, refuse], { token });
    await client.create('A', 'v');
    expect(arrived.map(({ request }) => request.headers.authorization)).toEqual([
      'Bearer old',
      'Bearer new',
    ]);
    expect(asked).toEqual([undefined, 'old']);
    expect(await errorOf(client.whoami())).toMatchObject({ code: 'unauthenticated' });
    expect(arrived).toHaveLength(4);
  });

  it.each([
    ['missing', ''],
    ['the refused one', 'old'],
    ['the refused one, with a line feed', 'old\n'],
  ])('throws the refusal if the token to use after a 401 is %s', async (_, other) => {
    const token = (refused?: string) => (refused === undefined ? 'old' : other);
    const { client, arrived } = await clientOf([problem(401, 'unauthenticated')], { token });
    expect(await errorOf(client.whoami())).toMatchObject({ code: 'unauthenticated' });
    expect(arrived).toHaveLength(1);
  });

  it.each([
    ['two lines', 'first\nsecond'],
    ['an empty text', ''],
    ['letters that no header can hold', 'tok€n'],
  ])(
    'sends nothing if the token consists of %s, and does not quote it in the error',
    async (_, token) => {
      const { client, arrived } = await clientOf([created], { token });
      const error = await errorOf(client.create('A', 'v'));
      expect(error).toMatchObject({ code: 'no_token', retryable: false, mayHaveEffect: false });
      expect(inspect(error)).not.toMatch(/second|tok€n/);
      expect(arrived).toEqual([]);
    },
  );

  it('sends a token without its trailing line feed', async () => {
    const { client, arrived } = await clientOf([created], { token: () => 'token\n' });
    await client.create('A', 'v');
    expect(arrived[0]?.request.headers.authorization).toBe('Bearer token');
  });

  it('throws what its event listener throws, and does not retry a request that was answered', async () => {
    const reason = new Error('no log');
    const onEvent = ({ type }: ClientEvent) => {
      if (type === 'answered') throw reason;
    };
    const { client, arrived } = await clientOf([created], { onEvent });
    await expect(client.create('A', 'v')).rejects.toBe(reason);
    expect(arrived).toHaveLength(1);
  });

  it('sends nothing without a token, except for the health check', async () => {
    const { client, arrived } = await clientOf([json(200, { status: 'ok' })], { token: undefined });
    expect(await errorOf(client.status())).toMatchObject({ code: 'no_token' });
    expect(await client.request('get-health')).toEqual({ status: 'ok' });
    expect(arrived.map(({ request }) => request.headers.authorization)).toEqual([undefined]);
  });

  it.each([
    ['an HTML page', json(200, '<html>', { 'Content-Type': 'text/html' })],
    ['JSON without a property of the reply', json(200, { name: 'A', version: 1 })],
    ['a reply of another status', json(201, written)],
    ['a list', json(200, [])],
    ['a problem without a code', json(400, { detail: 'no' })],
    [
      'a problem document with the status 200',
      json(200, written, { 'Content-Type': 'application/problem+json' }),
    ],
  ])('rejects %s with unexpected_reply', async (_, answer) => {
    const { client } = await clientOf([answer]);
    const error = await errorOf(client.update('A', 'v'));
    expect(error).toMatchObject({ code: 'unexpected_reply', retryable: false });
  });

  it('accepts a reply of 32 MiB, and rejects a longer one with unexpected_reply', async () => {
    const padded = JSON.stringify(written).padEnd(33_554_432);
    const answerOf =
      (text: string): Answer =>
      (response) =>
        response.writeHead(200, { 'Content-Type': 'application/json' }).end(text);
    const { client } = await clientOf([answerOf(padded), answerOf(`${padded} `)]);
    expect(await client.update('A', 'v')).toEqual(written);
    const error = await errorOf(client.update('A', 'v'));
    expect(error).toMatchObject({ code: 'unexpected_reply', mayHaveEffect: true });
    expect(error.message).toContain('answered with more than 32 MiB, and not as a vault does');
  });

  it('closes the connection if a reply does not end', async () => {
    const closed = new EventEmitter();
    const { client } = await clientOf([
      (response) => {
        const more = () => {
          while (response.write(' '.repeat(65_536)));
        };
        response.writeHead(200, { 'Content-Type': 'application/json' });
        response.on('drain', more).once('close', () => closed.emit('closed'));
        more();
      },
    ]);
    const ended = once(closed, 'closed');
    expect(await errorOf(client.get('A'))).toMatchObject({ code: 'unexpected_reply' });
    await ended;
  });

  it.each(['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc4n4ry', 'c4n4ry'])(
    'does not quote a reply that is not HTTP in its error: %j',
    async (answer) => {
      const { client } = await clientOf([(response) => response.socket?.end(answer)], {
        retries: 0,
      });
      const error = await errorOf(client.get('A'));
      expect(error).toMatchObject({ code: 'unreachable', retryable: true });
      expect(inspect(error, { depth: 9 })).not.toContain('c4n4ry');
    },
  );

  it('says that an https address answers in plain HTTP, and does not retry', async () => {
    const addr = (await clientOf([created])).addr.replace('http:', 'https:');
    const error = await errorOf(createClient({ addr, token: 'token' }).get('A'));
    const message = `${addr} answers in plain HTTP, not in HTTPS`;
    expect(error).toMatchObject({ code: 'unreachable', message, retryable: false });
  });

  it('sends ifVersion as If-Match, and types the properties of an error by its code', async () => {
    const conflict = problem(412, 'version_conflict', { currentVersion: 7 });
    const { client, arrived } = await clientOf([conflict]);
    const error = await errorOf(client.update('A', 'v', { ifVersion: 6 }));
    expect(error.code === 'version_conflict' && error.problem.currentVersion).toBe(7);
    expect(arrived[0]?.request.headers['if-match']).toBe('"6"');
  });

  it('copies a version with an idempotency key, and sends no value', async () => {
    const copied = { ...written, from: { name: 'B', version: 2 } };
    const { client, arrived } = await clientOf([json(200, copied)]);
    const from = { name: 'B', version: 2 };
    const idempotencyKey = 'k'.repeat(16);
    const options = { create: true, note: 'n', idempotencyKey };
    expect(await client.copy('A', from, options)).toEqual(copied);
    const [sent] = arrived;
    expect([sent?.request.method, sent?.request.url]).toEqual(['POST', '/v1/secrets/A/copies']);
    expect(sent?.request.headers['idempotency-key']).toBe(idempotencyKey);
    expect(JSON.parse(sent?.body ?? '')).toEqual({ from, create: true, note: 'n' });
  });

  it('reads pages until there is no cursor, and only when they are requested', async () => {
    const page = (versions: readonly number[], nextCursor: string | null) =>
      json(200, { name: 'A', versions: versions.map((version) => ({ version })), nextCursor });
    const { client, arrived } = await clientOf([
      page([3, 2], 'c1'),
      page([], 'c2'),
      page([1], null),
    ]);
    const versions = client.versions('A', { order: 'desc', values: true });
    expect((await versions.next()).value).toEqual({ version: 3 });
    expect(arrived).toHaveLength(1);
    expect(await allOf(versions)).toEqual([{ version: 2 }, { version: 1 }]);
    expect(arrived.map(({ request }) => request.url)).toEqual([
      '/v1/secrets/A/versions?order=desc&include=values',
      '/v1/secrets/A/versions?order=desc&include=values&cursor=c1',
      '/v1/secrets/A/versions?order=desc&include=values&cursor=c2',
    ]);
  });

  it('lists names and details in pages', async () => {
    const names = json(200, { names: ['A'], nextCursor: null });
    const details = json(200, { names: ['A'], secrets: [{ name: 'A' }], nextCursor: null });
    const { client, arrived } = await clientOf([names, details]);
    expect(await allOf(client.names({ prefix: 'A' }))).toEqual(['A']);
    expect(await allOf(client.details({ state: 'deleted' }))).toEqual([{ name: 'A' }]);
    expect(arrived.map(({ request }) => request.url)).toEqual([
      '/v1/secrets?prefix=A&limit=1000',
      '/v1/secrets?state=deleted&include=details',
    ]);
  });

  it.each([
    ['that it gave before', ['c1', 'c2', 'c1']],
    ['that is not text', ['c1', 2]],
  ])('ends a list with an error if the vault returns a cursor %s', async (_, cursors) => {
    const pages = [...cursors, null].map((nextCursor) => json(200, { names: ['A'], nextCursor }));
    const { client, arrived } = await clientOf(pages);
    const error = await errorOf(allOf(client.names()));
    expect(error).toMatchObject({ code: 'unexpected_reply', mayHaveEffect: false });
    expect(arrived).toHaveLength(cursors.length);
  });

  it('sends bytes as base64, and returns bytes for either encoding', async () => {
    const { client, arrived } = await clientOf([created]);
    await client.create('A', Uint8Array.of(0xff, 0));
    expect(JSON.parse(arrived[0]?.body ?? '')).toEqual({
      name: 'A',
      value: '/wA=',
      encoding: 'base64',
    });
    expect(bytesOf({ value: '/wA=', encoding: 'base64' })).toEqual(Uint8Array.of(0xff, 0));
    expect(bytesOf({ value: 'é', encoding: 'utf8' })).toEqual(Uint8Array.of(0xc3, 0xa9));
  });

  it('escapes an invalid name, so that it stays inside its path segment', async () => {
    const { client, arrived } = await clientOf([problem(400, 'invalid_request')]);
    await errorOf(client.get('../whoami?x', { version: 2 }));
    expect(arrived[0]?.request.url).toBe('/v1/secrets/..%2Fwhoami%3Fx?version=2');
  });

  it('refuses to send a request whose path would be that of another operation', async () => {
    const { client, arrived } = await clientOf([created]);
    for (const name of ['', '.', '..']) {
      await expect(client.delete(name)).rejects.toThrow(TypeError);
    }
    await expect(client.request('get-secret')).rejects.toThrow(TypeError);
    expect(arrived).toEqual([]);
  });

  it.each([
    ['http://[::1]:3000', 'http://[::1]:3000'],
    ['https://vault.example.com/base//', 'https://vault.example.com/base'],
    ...['ftp://host', 'host', '', 'http://h/?', 'http://h/?a=b', 'http://h/#', 'http://h/#a'].map(
      (addr) => [addr, undefined] as const,
    ),
    ['http://me@h', undefined],
    ['http://:c4n4ry@h', undefined],
  ])('accepts only addresses of a vault, and normalises them: %s', async (addr, base) => {
    const asked: string[] = [];
    const exchange = async (url: string) => {
      asked.push(url);
      throw new Error('no answer');
    };
    const open = () => createClient({ addr, token: 'token', retries: 0, fetch: exchange });
    if (base === undefined) return expect(open).toThrow(/^addr is http[^4]*$/);
    await errorOf(open().get('A'));
    expect(asked).toEqual([`${base}/v1/secrets/A`]);
  });
});
