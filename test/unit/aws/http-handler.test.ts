import { getEventListeners, once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import {
  type AddressInfo,
  createServer as createSocketServer,
  type Server as NetServer,
} from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { HttpRequest } from '@smithy/core/transport';
import { createHttpHandler } from '../../../functions/aws/transport.ts';
import { startDeafServer } from '../../support/deaf-server.ts';
import { until } from '../../support/until.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const listening = async <Listener extends Server | NetServer>(
  server: Listener,
  host = '127.0.0.1',
): Promise<number> => {
  server.listen(0, host);
  await once(server, 'listening');
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
};

const serve = async (listener: RequestListener, host = '127.0.0.1') => {
  const server = createServer(listener);
  const port = await listening(server, host);
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  closers.push(() => server.closeAllConnections());
  return { port, connections: () => connections };
};

const handler = (connectMs = 2_000) => {
  const made = createHttpHandler(connectMs);
  closers.push(() => made.destroy?.());
  return made;
};

const requestTo = (port: number, changed: Partial<HttpRequest> = {}) =>
  new HttpRequest({
    ...{ protocol: 'http:', hostname: '127.0.0.1', port, method: 'POST', path: '/', body: '{}' },
    headers: { 'content-length': '2', 'x-amz-target': 'T' },
    ...changed,
  });

describe('a call of the HTTP client', () => {
  it('passes the whole request to the service and the whole reply to the caller', async () => {
    const long = 'é'.repeat(100_000);
    const { port } = await serve(async (request, response) => {
      const { method, url, headers } = request;
      const body = await text(request);
      response.writeHead(400, { 'X-Amzn-RequestId': 'r' });
      response.end(JSON.stringify({ method, url, target: headers['x-amz-target'], body, long }));
    });
    const { response } = await handler().handle(requestTo(port, { path: '/base' }));
    expect(response.statusCode).toBe(400);
    expect(response.headers).toMatchObject({ 'x-amzn-requestid': 'r' });
    const reply = JSON.parse(Buffer.from(response.body).toString());
    expect(reply).toEqual({ method: 'POST', url: '/base', target: 'T', body: '{}', long });
  });

  it('reuses a kept connection, or opens a new one if all are busy', async () => {
    const { port, connections } = await serve((request, response) => {
      request.resume().on('end', () => setTimeout(() => response.end(), 20));
    });
    const { handle } = handler();
    for (let call = 0; call < 3; call += 1) await handle(requestTo(port));
    expect(connections()).toBe(1);
    await Promise.all([handle(requestTo(port)), handle(requestTo(port))]);
    expect(connections()).toBe(2);
  });

  it('reaches an IPv6 address that is written as in a URL', async () => {
    const { port } = await serve((_, response) => response.end(), '::1');
    const { response } = await handler().handle(requestTo(port, { hostname: '[::1]' }));
    expect(response.statusCode).toBe(200);
  });

  it('starts a TLS handshake for an https endpoint', async () => {
    const heard: Buffer[] = [];
    const server = createSocketServer((socket) => {
      socket.once('data', (data: Buffer) => {
        heard.push(data);
        socket.destroy();
      });
    });
    const port = await listening(server);
    const request = requestTo(port, { protocol: 'https:' });
    await expect(handler().handle(request)).rejects.toThrow();
    // The first byte of a TLS handshake record.
    expect(heard.map((data) => data[0])).toEqual([0x16]);
  });
});

describe('a failed call of the HTTP client', () => {
  it('rejects with ECONNREFUSED if nothing listens on the port', async () => {
    const server = createSocketServer();
    const port = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    await expect(handler().handle(requestTo(port))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('rejects with ECONNRESET if the service closes the connection before or in the middle of a reply', async () => {
    const { port } = await serve((request, response) => {
      if (request.url === '/within') response.writeHead(200, { 'Content-Length': 10 }).write('{');
      setTimeout(() => request.destroy(), 20);
    });
    const { handle } = handler();
    for (const path of ['/before', '/within']) {
      await expect(handle(requestTo(port, { path }))).rejects.toMatchObject({ code: 'ECONNRESET' });
    }
  });

  it('rejects if the reply switches to another protocol', async () => {
    const { port } = await serve((request) => {
      request.socket.write('HTTP/1.1 101 Other\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    });
    await expect(handler().handle(requestTo(port))).rejects.toThrow('leaves HTTP');
  });

  it('rejects with TimeoutError if no connection is made in time', async () => {
    const deaf = await startDeafServer();
    closers.push(deaf.close);
    const request = requestTo(deaf.port);
    const { handle } = handler(200);
    const ended = AbortSignal.timeout(1_500);
    const calls = Array.from({ length: 5 }, () => handle(request, { abortSignal: ended }));
    const names = (await Promise.allSettled(calls)).map((settled) =>
      settled.status === 'rejected' ? settled.reason.name : 'answered',
    );
    // The calls that got a connection wait for a reply until their signal aborts.
    expect(new Set(names)).toEqual(new Set(['TimeoutError', 'AbortError']));
  });
});

describe('a call of the HTTP client with a signal', () => {
  it('fails at once when it is aborted, and closes its connection', async () => {
    let [asked, hungUp] = [0, 0];
    let end = new AbortController();
    const { port } = await serve((request, response) => {
      asked += 1;
      setTimeout(() => end.abort(), 100);
      request.resume();
      response.on('close', () => {
        hungUp += 1;
      });
      if (request.url === '/within') response.writeHead(200, { 'Content-Length': 10 }).write('{');
    });
    const { handle } = handler();
    for (const path of ['/before', '/within']) {
      end = new AbortController();
      const call = handle(requestTo(port, { path }), { abortSignal: end.signal });
      await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    }
    expect(asked).toBe(2);
    await until(() => hungUp === 2);
  });

  it('fails at once when it is aborted while waiting for a connection, and is never sent', async () => {
    let asked = 0;
    const { port } = await serve((_, response) => {
      asked += 1;
      setTimeout(() => response.end(), 500);
    });
    const { handle } = handler();
    const taken = Array.from({ length: 50 }, () => handle(requestTo(port)));
    const end = new AbortController();
    const waiting = handle(requestTo(port), { abortSignal: end.signal });
    setTimeout(() => end.abort(), 50);
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    expect(await Promise.race([taken[0], 'still taken'])).toBe('still taken');
    await Promise.all(taken);
    expect(asked).toBe(50);
  });

  it('opens no connection if its signal was aborted before', async () => {
    const { port, connections } = await serve((_, response) => response.end());
    const call = handler().handle(requestTo(port), { abortSignal: AbortSignal.abort() });
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    expect(connections()).toBe(0);
  });

  it('leaves no listener on a signal that outlives it', async () => {
    const { port } = await serve((_, response) => response.end());
    const { signal: abortSignal } = new AbortController();
    await handler().handle(requestTo(port), { abortSignal });
    await sleep(50);
    expect(getEventListeners(abortSignal, 'abort')).toEqual([]);
  });
});
