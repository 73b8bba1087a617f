/** `dsvault` performs requests by its own `exchange`, which must do what `fetch` does for the client. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import * as https from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { exchange } from '../../../cli/requests/http-exchange.ts';
import { isVaultError } from '../../../client/errors.ts';
import { createClient, type Exchange } from '../../../client/index.ts';
import { freshCertificates } from '../../support/certificates.ts';

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

const portOf = async (server: Server & { closeAllConnections(): void }): Promise<number> => {
  server.listen(0, '127.0.0.1');
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
    // The first piece ends inside of a character.
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

/** The answer to a deletion over this transport, and the request as it arrives. */
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
  const timeoutMs = name.includes('silence') ? 300 : 30_000;
  const sender = { addr, token: 'token', retries: 0, timeoutMs, fetch: transport };
  const outcome = await createClient(sender)
    .delete('A', { note: 'ä' })
    .catch((error) => {
      if (!isVaultError(error)) throw error;
      const { code, message, status, retryable } = error;
      // The two name different reasons for a broken connection.
      return { code, message: message.replace(addr, '').replace(/\(\w+\)/, ''), status, retryable };
    });
  return { outcome, arrived };
};

describe('the exchange of dsvault', () => {
  it.each(Object.keys(answers))('ends as fetch does for %s', async (name) => {
    const expected = await outcomeOver(fetch, name);
    expect(expected.arrived).toHaveLength(1);
    expect(await outcomeOver(exchange, name)).toEqual(expected);
  });

  it('names the reason for which there is no connection', async () => {
    const server = createServer();
    const addr = `http://127.0.0.1:${await portOf(server)}`;
    server.close();
    const client = createClient({ addr, token: 'token', retries: 0, fetch: exchange });
    await expect(client.whoami()).rejects.toThrow(`cannot reach ${addr} (ECONNREFUSED)`);
  });

  it('rejects with the reason of its signal', async () => {
    const addr = `http://127.0.0.1:${await portOf(createServer())}`;
    const client = createClient({ addr, token: 'token', fetch: exchange });
    const reason = new Error('no longer needed');
    const controller = new AbortController();
    const asked = client.whoami({ signal: controller.signal });
    setImmediate(() => controller.abort(reason));
    await expect(asked).rejects.toBe(reason);
  });

  it('asks again only if an idle connection has ended, and the request is no write', async () => {
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

  it('speaks TLS, and refuses a certificate of an unknown authority', async () => {
    const { ca, certificate: cert, key } = await freshCertificates();
    const body = '{"tenant":"demo","sub":"you","scopes":[],"names":[]}';
    const server = https.createServer({ cert, key }, (_, response) =>
      response.writeHead(200, { 'Content-Type': type }).end(body),
    );
    const addr = `https://127.0.0.1:${await portOf(server)}`;
    const ask = () => createClient({ addr, token: 'token', retries: 0, fetch: exchange }).status();
    await expect(ask()).rejects.toThrow(/cannot reach .*(CERT|SIGN|ISSUER)/);
    https.globalAgent.options.ca = ca;
    open.push(() => {
      delete https.globalAgent.options.ca;
    });
    await expect(ask()).rejects.toThrow(/answered with status 200, and not as a vault does/);
  });
});
