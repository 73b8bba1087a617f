import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { failure } from '../../../cli/failures.ts';
import { type Action, type ConsoleServer, startConsole } from '../../../console/server.ts';
import {
  closeConnections,
  exchange,
  type RawReply,
  type RawRequest,
} from '../../support/raw-http.ts';
import { until } from '../../support/until.ts';

let server: ConsoleServer;
let token: string;
/** Collects the requests to the actions; `endings` counts the endless answers that have ended. */
const performed: unknown[] = [];
let endings = 0;

/** Counts without an end, as fast as it is read, and does not heed that the page leaves. */
async function* count(): AsyncGenerator<unknown> {
  try {
    for (let n = 0; ; n += 1) yield { n, filler: 'x'.repeat(10_000) };
  } finally {
    endings += 1;
  }
}

async function* breakWith(error: Error): AsyncGenerator<unknown> {
  yield { n: 0 };
  throw error;
}

const actions = new Map<string, Action>([
  [
    'echo',
    async (asked) => {
      performed.push(asked);
      return { status: 200, body: { asked } };
    },
  ],
  ['refuse', async () => ({ status: 409, body: { code: 'conflict', detail: 'no' } })],
  ['fail', () => Promise.reject(new Error('the value is hunter2'))],
  ['numbers', async () => count()],
  ['break', async () => breakWith(new Error('the value is hunter2'))],
  ['refuse-later', async () => breakWith(failure('other', 'the log cannot be read'))],
]);

const page = Buffer.from('<!doctype html>');

const ask = (method: string, path: string, how: Partial<RawRequest> = {}): Promise<RawReply> =>
  exchange({ method, url: server.url, path, headers: {}, body: undefined, ...how });

/** Headers as the page sends them. */
const own = (): Record<string, string> => ({ Origin: server.url, 'X-Console-Session': token });
const act = (name: string, asked: unknown = {}, headers = own()): Promise<RawReply> =>
  ask('POST', `/actions/${name}`, { headers, body: JSON.stringify(asked) });
const open = (code: string, headers: RawRequest['headers'] = { Origin: server.url }) =>
  ask('POST', '/session', { headers, body: code });

beforeAll(async () => {
  const files = new Map([['/', { type: 'text/html; charset=utf-8', body: page }]]);
  server = await startConsole({ files, actions });
  token = JSON.parse((await open(server.newCode())).text).token;
});
afterAll(async () => {
  closeConnections();
  await server.close();
});

describe('the server of the console', () => {
  it('performs an action for the page that opened the session', async () => {
    const { status, text } = await act('echo', { name: 'A' });
    expect([status, JSON.parse(text)]).toEqual([200, { asked: { name: 'A' } }]);
    expect((await act('refuse')).status).toBe(409);
  });

  it('listens on 127.0.0.1 alone', () => {
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it.each([
    ['GET', '/'],
    ['GET', '/missing'],
    ['POST', '/session'],
    ['POST', '/actions/echo'],
    ['OPTIONS', '/actions/echo'],
  ])(
    'forbids framing, scripts of others, guessed types and caching on %s %s',
    async (method, path) => {
      const { headers } = await ask(method, path);
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toMatch(/^default-src 'none'; /);
      expect(policy).toContain("script-src 'self'; style-src 'self'; connect-src 'self'");
      for (const part of ["frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'"]) {
        expect(policy).toContain(part);
      }
      expect(policy).not.toMatch(/unsafe|\*|http|data:|blob:/);
      expect(Object.fromEntries(headers)).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
      });
      for (const name of headers.keys()) expect(name).not.toMatch(/^(set-cookie|access-control-)/);
    },
  );

  it('refuses each request whose Host is not its exact address, whatever else is right', async () => {
    const { port } = new URL(server.url);
    const hosts = [`localhost:${port}`, '127.0.0.1', `attacker.test:${port}`, `127.0.0.1.:${port}`];
    for (const Host of [...hosts, `[::1]:${port}`, `127.0.0.1:${Number(port) + 1}`]) {
      const headers = { ...own(), Host };
      expect([Host, (await ask('GET', '/', { headers })).status]).toEqual([Host, 403]);
      expect([Host, (await act('echo', {}, headers)).status]).toEqual([Host, 403]);
      expect([Host, (await open(server.newCode(), headers)).status]).toEqual([Host, 403]);
    }
  });

  it('refuses each action and session whose Origin is not its own, also with the right token', async () => {
    const { port } = new URL(server.url);
    const others = [`http://localhost:${port}`, `https://127.0.0.1:${port}`, 'http://127.0.0.1'];
    for (const Origin of [...others, `${server.url}/`, 'http://attacker.test', 'null', '']) {
      const headers = { ...own(), Origin };
      expect([Origin, (await act('echo', {}, headers)).status]).toEqual([Origin, 403]);
      expect([Origin, (await open(server.newCode(), { Origin })).status]).toEqual([Origin, 403]);
    }
    const { Origin: _, ...without } = own();
    expect((await act('echo', {}, without)).status).toBe(403);
    expect((await open(server.newCode(), {})).status).toBe(403);
  });

  it('refuses every action without the token of a session with 401, known or not', async () => {
    const wrong = ['', 'x', token.slice(1), server.newCode()].map((given) => ({
      Origin: server.url,
      'X-Console-Session': given,
    }));
    for (const headers of [...wrong, { Origin: server.url }]) {
      for (const name of [...actions.keys(), 'unknown']) {
        expect([name, (await act(name, {}, headers)).status]).toEqual([name, 401]);
      }
    }
  });

  it('takes no token from a cookie, a query or another header', async () => {
    const Origin = server.url;
    const given = [
      { headers: { Origin, Cookie: `X-Console-Session=${token}; token=${token}` } },
      { headers: { Origin, Authorization: `Bearer ${token}` } },
    ];
    for (const how of given) {
      expect((await ask('POST', '/actions/echo', { ...how, body: '{}' })).status).toBe(401);
    }
    const query = `/actions/echo?X-Console-Session=${token}`;
    expect((await ask('POST', query, { headers: { Origin }, body: '{}' })).status).toBe(401);
  });

  it('opens a session once for a code, and for no other text', async () => {
    const code = server.newCode();
    for (const wrong of ['', 'x', code.slice(1), JSON.stringify(code)]) {
      expect((await open(wrong)).status).toBe(401);
    }
    const replies = await Promise.all([open(code), open(code)]);
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 401]);
  });

  it('answers 404 to an action or a file that it does not have', async () => {
    for (const name of [
      'unknown',
      '',
      '../actions/echo',
      'echo/',
      'echo?x',
      'constructor',
      '%65cho',
    ]) {
      expect([name, (await act(name)).status]).toEqual([name, 404]);
    }
    for (const path of ['/echo', '//actions/echo', '/ACTIONS/echo', '/x/actions/echo']) {
      const reply = await ask('POST', path, { headers: own(), body: '{}' });
      expect([path, reply.status]).toEqual([path, 404]);
    }
    for (const path of ['/../package.json', '/%2e%2e/package.json', '/app.js', '//', '/?x']) {
      expect([path, (await ask('GET', path)).status]).toEqual([path, 404]);
    }
  });

  it('knows no other methods than GET and POST', async () => {
    for (const method of ['HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE']) {
      const reply = await ask(method, '/actions/echo', { headers: own() });
      expect([method, reply.status]).toEqual([method, 403]);
    }
  });

  it('takes bodies of up to 2 MiB, and refuses larger ones in a sentence', async () => {
    const fits = JSON.stringify('x'.repeat(2_097_150));
    const headers = own();
    expect((await ask('POST', '/actions/echo', { headers, body: fits })).status).toBe(200);
    performed.length = 0;
    const reply = await ask('POST', '/actions/echo', { headers, body: `${fits} ` });
    expect([reply.status, JSON.parse(reply.text)]).toEqual([
      413,
      { code: 'too_large', detail: 'This is larger than the 2 MiB that the console takes.' },
    ]);
    expect((await open('x'.repeat(3_000_000))).status).toBe(401);
    expect(performed).toEqual([]);
  });

  it('answers 400 to a body that is no JSON', async () => {
    for (const body of ['', '{', 'name=A']) {
      expect((await ask('POST', '/actions/echo', { headers: own(), body })).status).toBe(400);
    }
  });

  it('answers 431 to headers of more than 8 KiB', async () => {
    const headers = { ...own(), 'X-Long': 'x'.repeat(8_192) };
    expect((await ask('GET', '/', { headers })).status).toBe(431);
  });

  it('tells that an action failed, without the error, which may hold a value', async () => {
    const { status, text } = await act('fail');
    expect([status, JSON.parse(text)]).toEqual([
      500,
      { code: 'internal', detail: 'The console failed to do this.' },
    ]);
  });

  it('sends an endless answer a line at a time, and ends it when the page leaves', async () => {
    endings = 0;
    const { port } = new URL(server.url);
    const socket = connect(Number(port), '127.0.0.1');
    const head = [
      'POST /actions/numbers HTTP/1.1',
      `Host: 127.0.0.1:${port}`,
      ...Object.entries(own()).map(([name, value]) => `${name}: ${value}`),
      'Content-Length: 2',
    ];
    let seen = '';
    socket.on('data', (chunk) => {
      seen += chunk;
      // A page that reads no further keeps the server waiting until it leaves.
      if (seen.includes('{"n":2,')) socket.pause();
    });
    socket.write(`${head.join('\r\n')}\r\n\r\n{}`);
    await until(() => socket.isPaused());
    expect(seen).toMatch(/^HTTP\/1.1 200 /);
    expect(seen).toContain('{"n":1,');
    expect(endings).toBe(0);
    socket.destroy();
    await until(() => endings === 1);
  });

  it.each([
    ['break', { code: 'internal', detail: 'The console failed to do this.' }],
    ['refuse-later', { code: 'failed', detail: 'the log cannot be read' }],
  ])(
    'ends an endless answer that fails (%s) with a line that has the problem',
    async (name, problem) => {
      const { text } = await act(name);
      expect(
        text
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
      ).toEqual([{ n: 0 }, { problem }]);
    },
  );

  it('closes at once, although a page still reads an endless answer', async () => {
    endings = 0;
    const other = await startConsole({ files: new Map(), actions });
    const headers = { Origin: other.url };
    const session = await fetch(`${other.url}/session`, {
      method: 'POST',
      headers,
      body: other.newCode(),
    });
    const { token } = JSON.parse(await session.text());
    const numbers = await fetch(`${other.url}/actions/numbers`, {
      method: 'POST',
      headers: { ...headers, 'X-Console-Session': token },
      body: '{}',
    });
    expect(numbers.headers.get('content-type')).toBe('application/x-ndjson');
    await other.close();
    await until(() => endings === 1);
    await expect(numbers.text()).rejects.toThrow();
  });
});
