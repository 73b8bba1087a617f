import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SharedSecret } from '../../../cli/console/sealing.ts';
import {
  type Action,
  type Answer,
  type ConsoleServer,
  startConsole,
} from '../../../cli/console/server.ts';
import { failure } from '../../../system/failures.ts';
import { openConsoleSession, passOf, sealedRequest } from '../../support/console-session.ts';
import {
  closeConnections,
  exchange,
  type RawReply,
  type RawRequest,
} from '../../support/raw-http.ts';
import { exchangeBytes } from '../../support/sockets.ts';
import { until } from '../../support/until.ts';

let server: ConsoleServer;
let session: SharedSecret;
/**
 * What the actions were asked to do. `endings` counts how many of the endless answers have ended.
 */
const performed: unknown[] = [];
let endings = 0;

/**
 * An action whose answer never ends. It counts as fast as the answer is read, and does not notice
 * when the page leaves.
 */
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

async function* lateAnswers(between: () => void): AsyncGenerator<unknown> {
  yield 'one';
  between();
  yield 'two';
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
  [
    'wait',
    async (_asked, _signal, onSilence) => {
      onSilence('node 2');
      return lateAnswers(() => onSilence('node 3'));
    },
  ],
  ['refuse-later', async () => breakWith(failure('the log cannot be read'))],
]);

const page = Buffer.from('<!doctype html>');

const ask = (method: string, path: string, how: Partial<RawRequest> = {}): Promise<RawReply> =>
  exchange({ method, url: server.url, path, headers: {}, body: undefined, ...how });

type SentFile = RawReply & { readonly answers: readonly Answer[] };

/**
 * Sends a request like the page does: with its origin, and sealed with the secret of the session.
 */
const post = async (
  path: string,
  { pass = session, asked = {} as unknown, headers = {} as Record<string, string> } = {},
): Promise<SentFile> => {
  const { body, headers: own, unsealed } = await sealedRequest(pass, path, asked);
  const reply = await ask('POST', path, {
    headers: { Origin: server.url, ...own, ...headers },
    body,
  });
  return { ...reply, answers: reply.status === 200 ? await unsealed(reply.text) : [] };
};
const act = (name: string, asked: unknown = {}, headers = {}): Promise<SentFile> =>
  post(`/actions/${name}`, { asked, headers });
const open = (code: string, headers = {}): Promise<SentFile> =>
  post('/session', { pass: passOf(code), headers });

beforeAll(async () => {
  const files = new Map([['/', { type: 'text/html; charset=utf-8', body: page }]]);
  server = await startConsole({ files, actions });
  session = (await open(server.newCode())).answers[0]?.body as SharedSecret;
});
afterAll(async () => {
  closeConnections();
  await server.close();
});

describe('the server of the console', () => {
  it('performs an action for the page that opened the session', async () => {
    const { answers } = await act('echo', { name: 'A' });
    expect(answers).toEqual([{ status: 200, body: { asked: { name: 'A' } } }]);
    const conflict = { status: 409, body: { code: 'conflict', detail: 'no' } };
    expect((await act('refuse')).answers).toEqual([conflict]);
  });

  it('listens on 127.0.0.1 only', () => {
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it.each([
    ['GET', '/'],
    ['GET', '/missing'],
    ['POST', '/session'],
    ['POST', '/actions/echo'],
    ['OPTIONS', '/actions/echo'],
  ])(
    'forbids framing, foreign scripts, guessed types and caching on %s %s',
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

  it('refuses each request whose Host is not its exact address, even if everything else is right', async () => {
    const { port } = new URL(server.url);
    const hosts = [`localhost:${port}`, '127.0.0.1', `attacker.test:${port}`, `127.0.0.1.:${port}`];
    for (const Host of [...hosts, `[::1]:${port}`, `127.0.0.1:${Number(port) + 1}`]) {
      const headers = { Host };
      expect([Host, (await ask('GET', '/', { headers })).status]).toEqual([Host, 403]);
      expect([Host, (await act('echo', {}, headers)).status]).toEqual([Host, 403]);
      expect([Host, (await open(server.newCode(), headers)).status]).toEqual([Host, 403]);
    }
  });

  it('answers 400 to a request with two Host headers, even equal ones, or without Host', async () => {
    const host = `Host: ${new URL(server.url).host}\r\n`;
    const statusOf = async (headers: string, version = '1.1') => {
      const sent = `GET / HTTP/${version}\r\n${headers}Connection: close\r\n\r\n`;
      return Number((await exchangeBytes(server.url, sent)).split(' ')[1]);
    };
    expect(await statusOf(host)).toBe(200);
    for (const headers of ['', `${host}${host}`, `${host}Host: attacker.test\r\n`]) {
      expect([headers, await statusOf(headers)]).toEqual([headers, 400]);
    }
    // HTTP/1.0 allows a request without Host, but the console does not.
    expect([await statusOf(host, '1.0'), await statusOf('', '1.0')]).toEqual([200, 403]);
  });

  it('refuses each action and session if the Origin is not its own address, even with the right secret', async () => {
    const { port } = new URL(server.url);
    const others = [`http://localhost:${port}`, `https://127.0.0.1:${port}`, 'http://127.0.0.1'];
    for (const Origin of [...others, `${server.url}/`, 'http://attacker.test', 'null', '']) {
      const headers = { Origin };
      expect([Origin, (await act('echo', {}, headers)).status]).toEqual([Origin, 403]);
      expect([Origin, (await open(server.newCode(), headers)).status]).toEqual([Origin, 403]);
    }
    const { body, headers } = await sealedRequest(session, '/actions/echo');
    expect((await ask('POST', '/actions/echo', { headers, body })).status).toBe(403);
  });

  it('refuses every action with a missing or wrong session id with 401, whether the action exists or not', async () => {
    const { secret } = session;
    const wrong = ['', 'x', session.id.slice(1), secret, server.newCode().split('.')[0] ?? ''];
    for (const id of wrong) {
      for (const name of [...actions.keys(), 'unknown']) {
        const { status } = await post(`/actions/${name}`, { pass: { id, secret } });
        expect([id, name, status]).toEqual([id, name, 401]);
      }
    }
    const { body } = await sealedRequest(session, '/actions/echo');
    const headers = { Origin: server.url };
    expect((await ask('POST', '/actions/echo', { headers, body })).status).toBe(401);
  });

  it('refuses a request with 401 if it is not sealed with the secret of the session for exactly this path', async () => {
    performed.length = 0;
    const path = '/actions/echo';
    const other = await openConsoleSession(server.url, server.newCode());
    const bodies: (string | Uint8Array)[] = ['', '{}', JSON.stringify({ asked: session.id })];
    bodies.push((await sealedRequest(other.pass, path)).body);
    bodies.push((await sealedRequest(session, '/actions/refuse')).body);
    bodies.push(
      (await sealedRequest(session, path)).body.map((byte, at) => (at === 20 ? byte ^ 1 : byte)),
    );
    const headers = { Origin: server.url, 'X-Console-Session': session.id };
    for (const body of bodies) {
      expect((await ask('POST', path, { headers, body })).status).toBe(401);
    }
    const code = server.newCode();
    const { id } = passOf(code);
    expect((await post('/session', { pass: { id, secret: session.secret } })).status).toBe(401);
    expect((await open(code)).status).toBe(200);
    expect(performed).toEqual([]);
  });

  it('accepts no session from a cookie, a query or another header', async () => {
    const Origin = server.url;
    const { id } = session;
    const given = [
      { headers: { Origin, Cookie: `X-Console-Session=${id}; session=${id}` } },
      { headers: { Origin, Authorization: `Bearer ${id}` } },
    ];
    const { body } = await sealedRequest(session, '/actions/echo');
    for (const how of given) {
      expect((await ask('POST', '/actions/echo', { ...how, body })).status).toBe(401);
    }
    const query = `/actions/echo?X-Console-Session=${id}`;
    const sealed = await sealedRequest(session, query);
    const reply = await ask('POST', query, { headers: { Origin }, body: sealed.body });
    expect(reply.status).toBe(401);
  });

  it('opens a session only for a valid code, and only once for each code', async () => {
    const code = server.newCode();
    for (const wrong of ['', 'x', code.slice(1), code.slice(0, -1), JSON.stringify(code)]) {
      expect((await open(wrong)).status).toBe(401);
    }
    const replies = await Promise.all([open(code), open(code)]);
    const outcomes = replies.map(({ status, answers }) => answers[0]?.status ?? status);
    expect(outcomes.sort()).toEqual([200, 401]);
  });

  it('never sends the secret of a session, the input of an action or its answer in readable form', async () => {
    const code = server.newCode();
    const opened = await open(code);
    const asked = { value: 'hunter2-hunter2' };
    const sent = await sealedRequest(session, '/actions/echo', asked);
    const { text } = await act('echo', asked);
    const { id, secret } = (opened.answers[0]?.body ?? {}) as SharedSecret;
    const crossed = [opened.text, text, Buffer.from(sent.body).toString('latin1')].flatMap(
      (one) => [one, Buffer.from(one, 'base64').toString('latin1')],
    );
    for (const hidden of [id, secret, passOf(code).secret, 'hunter2', 'status']) {
      expect(crossed.filter((one) => one.includes(hidden))).toEqual([]);
    }
  });

  it('answers 404 to an unknown action or file', async () => {
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
      expect([path, (await post(path)).status]).toEqual([path, 404]);
    }
    for (const path of ['/../package.json', '/%2e%2e/package.json', '/app.js', '//', '/?x']) {
      expect([path, (await ask('GET', path)).status]).toEqual([path, 404]);
    }
  });

  it('accepts no methods other than GET and POST', async () => {
    for (const method of ['HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE']) {
      const { headers } = await sealedRequest(session, '/actions/echo');
      const reply = await ask(method, '/actions/echo', {
        headers: { ...headers, Origin: server.url },
      });
      expect([method, reply.status]).toEqual([method, 403]);
    }
  });

  it('accepts sealed bodies of up to 2 MiB, and answers 413 to larger ones', async () => {
    // The largest text that fits into a request of 2 MiB: sealing adds 28 bytes, and JSON two
    // quotation marks.
    const fits = 'x'.repeat(2_097_152 - 30);
    expect((await act('echo', fits)).status).toBe(200);
    performed.length = 0;
    expect((await act('echo', `${fits}x`)).status).toBe(413);
    const headers = { 'X-Console-Session': passOf(server.newCode()).id, Origin: server.url };
    const body = 'x'.repeat(3_000_000);
    expect((await ask('POST', '/session', { headers, body })).status).toBe(413);
    expect(performed).toEqual([]);
  });

  it('answers 431 to headers of more than 8 KiB', async () => {
    const headers = { 'X-Long': 'x'.repeat(8_192) };
    expect((await ask('GET', '/', { headers })).status).toBe(431);
  });

  it('reports that an action failed, but not the error, which may contain a value', async () => {
    const body = { code: 'internal', detail: 'The console failed to do this.' };
    expect((await act('fail')).answers).toEqual([{ status: 500, body }]);
  });

  it('reports which node an action waits for before its first answer, and not later', async () => {
    expect((await act('wait')).answers).toEqual([
      { status: 102, body: 'node 2' },
      { status: 200, body: 'one' },
      { status: 200, body: 'two' },
    ]);
  });

  it('sends an endless answer line by line, and ends it when the page leaves', async () => {
    endings = 0;
    const { port } = new URL(server.url);
    const socket = connect(Number(port), '127.0.0.1');
    const { headers, body, unsealed } = await sealedRequest(session, '/actions/numbers');
    const head = [
      'POST /actions/numbers HTTP/1.1',
      `Host: 127.0.0.1:${port}`,
      `Origin: ${server.url}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      `Content-Length: ${body.length}`,
    ];
    let seen = '';
    const linesSeen = () => seen.match(/^[\w+/=]{100,}$/gm) ?? [];
    socket.on('data', (chunk) => {
      seen += chunk;
      // A page that stops reading keeps the server waiting until it leaves.
      if (linesSeen().length > 2) socket.pause();
    });
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    socket.write(body);
    await until(() => socket.isPaused());
    expect(seen).toMatch(/^HTTP\/1.1 200 /);
    const [first, second] = await unsealed(`${linesSeen().slice(0, 2).join('\n')}\n`);
    expect([first, second]).toMatchObject([{ body: { n: 0 } }, { body: { n: 1 } }]);
    expect(endings).toBe(0);
    socket.destroy();
    await until(() => endings === 1);
  });

  it.each([
    ['break', 500, { code: 'internal', detail: 'The console failed to do this.' }],
    ['refuse-later', 502, { code: 'failed', detail: 'the log cannot be read' }],
  ])(
    'ends an endless answer that fails (%s) with a part that holds the problem',
    async (name, status, body) => {
      expect((await act(name)).answers).toEqual([
        { status: 200, body: { n: 0 } },
        { status, body },
      ]);
    },
  );

  it('closes at once even if a page is still reading an endless answer', async () => {
    endings = 0;
    const other = await startConsole({ files: new Map(), actions });
    const { pass } = await openConsoleSession(other.url, other.newCode());
    const { headers, body } = await sealedRequest(pass, '/actions/numbers');
    const numbers = await fetch(`${other.url}/actions/numbers`, {
      method: 'POST',
      headers: { ...headers, Origin: other.url },
      body,
    });
    expect(numbers.status).toBe(200);
    await other.close();
    await until(() => endings === 1);
    await expect(numbers.text()).rejects.toThrow();
  });
});
