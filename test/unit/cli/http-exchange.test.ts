/**
 * `dsvault` sends requests with its own `exchange`, which must behave like `fetch` as far as the
 * client relies on it.
 */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import * as tls from 'node:tls';
import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createExchange, type Trust } from '../../../cli/requests/http-exchange.ts';
import { isVaultError } from '../../../client/errors.ts';
import { createClient, type Exchange } from '../../../client/index.ts';
import type { TlsFiles } from '../../../host/http/tls.ts';
import { freshCertificates } from '../../support/certificates.ts';

const exchange = createExchange({});
const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

const portOf = async (
  server: Server & { closeAllConnections(): void },
  host = '127.0.0.1',
): Promise<number> => {
  server.listen(0, host);
  await once(server, 'listening');
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
};

const type = 'application/json';
const written = JSON.stringify({ name: 'Ä', version: 1, validFrom: '2026-11-24T14:30:48.123Z' });
const answers: Readonly<Record<string, (response: ServerResponse) => unknown>> = {
  'a reply': (response) => response.writeHead(200, { 'Content-Type': type }).end(written),
  'a reply in pieces': (response) => {
    response.writeHead(200, { 'Content-Type': type });
    // The first piece ends in the middle of a character.
    response.write(Buffer.from(written).subarray(0, 10));
    setImmediate(() => response.end(Buffer.from(written).subarray(10)));
  },
  'a refusal that asks for time': (response) =>
    response
      .writeHead(429, { 'Content-Type': 'application/problem+json', 'Retry-After': '7' })
      .end('{"code":"throttled","detail":"later","retryable":true}'),
  'a redirection': (response) => response.writeHead(302, { Location: '/elsewhere' }).end(),
  'a broken connection': (response) => response.destroy(),
  'a broken reply': (response) => {
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': 1_000 }).write('{');
    setImmediate(() => response.destroy());
  },
  'a reply without an end': (response) => {
    const more = () => {
      while (response.write(' '.repeat(65_536)));
    };
    response.writeHead(200, { 'Content-Type': type }).on('drain', more);
    more();
  },
  silence: () => undefined,
  'half a reply, then silence': (response) => response.writeHead(200).write('{'),
};

/** Deletes a secret over this transport. Returns the outcome, and the requests that arrived. */
const outcomeOver = async (transport: Exchange, name: string) => {
  const arrived: unknown[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { authorization, accept, 'content-type': of, 'content-length': length } = request.headers;
    arrived.push([request.method, request.url, authorization, accept, of, length, body]);
    answers[name]?.(response);
  });
  const addr = `http://127.0.0.1:${await portOf(server)}`;
  const timeoutMs = name.includes('silence') ? 3_000 : 30_000;
  const sender = { addr, token: 'token', retries: 0, timeoutMs, fetch: transport };
  const outcome = await createClient(sender)
    .delete('A', { note: 'ä' })
    .catch((error) => {
      if (!isVaultError(error)) throw error;
      const { code, message, status, retryable } = error;
      // For a broken connection, the two transports name different reasons.
      return { code, message: message.replace(addr, '').replace(/\(\w+\)/, ''), status, retryable };
    });
  return { outcome, arrived };
};

describe('the HTTP transport of dsvault', () => {
  it.each(Object.keys(answers))('has the same outcome as fetch for %s', async (name) => {
    const expected = await outcomeOver(fetch, name);
    expect(expected.arrived).toHaveLength(1);
    expect(await outcomeOver(exchange, name)).toEqual(expected);
  });

  it('names the reason why there is no connection', async () => {
    const server = createServer();
    const addr = `http://127.0.0.1:${await portOf(server)}`;
    server.close();
    const client = createClient({ addr, token: 'token', retries: 0, fetch: exchange });
    await expect(client.whoami()).rejects.toThrow(`cannot reach ${addr} (ECONNREFUSED)`);
  });

  it('rejects with the reason for which the caller aborted the request', async () => {
    const addr = `http://127.0.0.1:${await portOf(createServer())}`;
    const client = createClient({ addr, token: 'token', fetch: exchange });
    const reason = new Error('no longer needed');
    const controller = new AbortController();
    const asked = client.whoami({ signal: controller.signal });
    setImmediate(() => controller.abort(reason));
    await expect(asked).rejects.toBe(reason);
  });

  it('sends a request again only if an idle connection was closed and the request is a GET', async () => {
    const asked: unknown[] = [];
    let isBroken = false;
    const server = createServer((request, response) => {
      asked.push(request.method);
      if (isBroken || sockets.has(request.socket)) return request.socket.destroy();
      sockets.add(request.socket);
      return response.end();
    });
    const sockets = new Set<unknown>();
    const url = `http://127.0.0.1:${await portOf(server)}`;
    const ask = async (method: string) => {
      const signal = AbortSignal.timeout(30_000);
      const answer = await exchange(url, { method, headers: {}, redirect: 'manual', signal });
      for await (const _ of answer.body ?? []);
      return answer.status;
    };
    expect([await ask('GET'), await ask('GET')]).toEqual([200, 200]);
    await expect(ask('DELETE')).rejects.toThrow('no answer');
    isBroken = true;
    await expect(ask('GET')).rejects.toThrow('no answer');
    expect(asked).toEqual(['GET', 'GET', 'GET', 'DELETE', 'GET']);
  });
});

describe('the HTTP transport of dsvault over TLS', () => {
  let [own, other, expired]: TlsFiles[] = [];
  beforeAll(async () => {
    [own, other] = [await freshCertificates(), await freshCertificates()];
    jest.useFakeTimers({ now: Date.UTC(2001), doNotFake: ['nextTick', 'setImmediate'] });
    expired = await freshCertificates();
    jest.useRealTimers();
  });

  /**
   * A server with this certificate, which `renew` replaces. `arrived` holds the bytes that clients
   * have sent.
   */
  const serve = async (pair: TlsFiles | undefined, host = '127.0.0.1') => {
    const arrived: Buffer[] = [];
    const server = tls.createServer({ cert: pair?.certificate, key: pair?.key }, (socket) => {
      socket
        .on('error', () => undefined)
        .on('data', (bytes) => {
          arrived.push(bytes);
          socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
        });
    });
    let isSilent = false;
    const tcp = createTcpServer((socket) => void (isSilent || server.emit('connection', socket)));
    const port = await portOf(Object.assign(tcp, { closeAllConnections: () => undefined }), host);
    return {
      url: `https://${host}:${port}`,
      renew: ({ certificate: cert, key }: TlsFiles) => server.setSecureContext({ cert, key }),
      beSilent: () => {
        isSilent = true;
      },
      arrived: () => Buffer.concat(arrived).toString(),
    };
  };
  const ask = async (send: Exchange, url: string, timeoutMs = 30_000): Promise<unknown> => {
    const addr = url;
    const sender = { addr, token: 'token', retries: 1, timeoutMs, fetch: send };
    return await createClient(sender)
      .create('A', 'v4lue')
      .catch(({ code, mayHaveEffect, retryable }) => ({ code, mayHaveEffect, retryable }));
  };
  const untrusted = { code: 'untrusted', mayHaveEffect: false, retryable: false };
  /** The outcome if the server was reached: it is not a vault, so its reply is unexpected. */
  const answered = { code: 'unexpected_reply', mayHaveEffect: true, retryable: false };

  it.each<[string, () => TlsFiles | undefined, () => Trust, boolean]>([
    [
      'sends the request if the authority of the server is trusted',
      () => own,
      () => ({ ca: own?.ca }),
      true,
    ],
    [
      'sends the request if the certificate of the server is trusted',
      () => own,
      () => ({ ca: own?.certificate }),
      true,
    ],
    [
      'sends nothing if only another authority is trusted',
      () => own,
      () => ({ ca: other?.ca }),
      false,
    ],
    [
      'sends nothing if the certificate has expired, although its authority is trusted',
      () => expired,
      () => ({ ca: expired?.ca }),
      false,
    ],
    [
      'sends the request if the certificate of the server is the one found on this machine',
      () => own,
      () => findsOf(own),
      true,
    ],
    [
      'sends the request even if the certificate found on this machine has expired',
      () => expired,
      () => findsOf(expired),
      true,
    ],
    [
      'sends nothing if another certificate was found on this machine',
      () => own,
      () => findsOf(other),
      false,
    ],
    [
      'sends nothing if no certificate was found on this machine',
      () => own,
      () => findsOf(undefined),
      false,
    ],
  ])('%s', async (_, pair, trust, isTrusted) => {
    const { url, arrived } = await serve(pair());
    expect(await ask(createExchange(trust()), url)).toEqual(isTrusted ? answered : untrusted);
    expect(arrived()).toEqual(isTrusted ? expect.stringContaining('v4lue') : '');
  });
  const findsOf = (pair: TlsFiles | undefined): Trust => ({
    findCertificate: async () => pair?.certificate,
  });

  it('has the same outcome as fetch for a server that is not trusted', async () => {
    const { url, arrived } = await serve(own);
    expect([await ask(exchange, url), await ask(fetch, url)]).toEqual([untrusted, untrusted]);
    expect(arrived()).toBe('');
  });

  it('refuses a certificate of the trusted authority for another host', async () => {
    const { url, arrived } = await serve(own, '127.0.0.2');
    expect(await ask(createExchange({ ca: own?.ca }), url)).toEqual(untrusted);
    expect(arrived()).toBe('');
  });

  it.each<[string, tls.TlsOptions]>([
    ['breaks the connection', {}],
    ['wants a certificate of the client', { requestCert: true, rejectUnauthorized: true }],
  ])('does not look for another certificate if a trusted server %s', async (_, options) => {
    const { ca = '', certificate: cert, key } = own ?? {};
    const server = tls.createServer({ cert, key, ...options }, (socket) =>
      socket.on('error', () => undefined).on('data', () => socket.destroy()),
    );
    const closing = { closeAllConnections: () => undefined };
    const url = `https://127.0.0.1:${await portOf(Object.assign(server, closing))}`;
    let searches = 0;
    const findCertificate = async () => {
      searches += 1;
      return cert;
    };
    expect(await ask(createExchange({ ca, findCertificate }), url)).toMatchObject({
      ...{ code: 'unreachable', mayHaveEffect: true },
    });
    expect(searches).toBe(0);
  });

  it('looks for the certificate again only after the server has got another one', async () => {
    const { url, renew } = await serve(own);
    let inUse = own;
    const searches: string[] = [];
    const findCertificate = async (address: string) => {
      searches.push(address);
      return inUse?.certificate;
    };
    const send = createExchange({ findCertificate });
    expect([await ask(send, url), await ask(send, url)]).toEqual([answered, answered]);
    expect(searches).toHaveLength(1);
    inUse = other;
    renew(other as TlsFiles);
    expect(await ask(send, url)).toEqual(answered);
    expect(searches).toEqual(Array(2).fill(expect.stringContaining(url)));
  });

  it('gives up a handshake that takes too long', async () => {
    const { url, beSilent } = await serve(own);
    const send = createExchange(findsOf(own));
    await ask(send, url);
    beSilent();
    expect(await ask(send, url, 100)).toMatchObject({ code: 'timed_out' });
  });
});
