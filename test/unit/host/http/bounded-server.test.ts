/** The limits of a port with TLS. The tests of the gateway cover the limits of a plain port. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type BoundedServerOptions,
  createBoundedServer,
} from '../../../../host/http/bounded-server.ts';
import { type Bounds, bounds } from '../../../../host/http/bounds.ts';
import { mutualTls, type TlsFiles } from '../../../../host/http/tls.ts';
import { freshCertificates } from '../../../support/certificates.ts';
import { readAll } from '../../../support/sockets.ts';
import { until } from '../../../support/until.ts';

let tls: TlsFiles;
let server: Server;
const port = () => (server.address() as AddressInfo).port;

beforeAll(async () => {
  tls = await freshCertificates();
});
afterEach(() => close());
const close = async (): Promise<void> => {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
};

const answer: BoundedServerOptions['respond'] = async ({ response }) =>
  void response.end('answered');
const listen = async (more: Partial<Bounds>, respond = answer): Promise<void> => {
  server = createBoundedServer({
    bounds: { ...bounds, ...more },
    tls: mutualTls(tls),
    respond,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
};
/** A client that never begins its handshake. */
const openSocket = async (): Promise<Socket> => {
  const socket = connect(port(), '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
};
const openTls = async (): Promise<TLSSocket> => {
  const socket = connectTls({ port: port(), host: '127.0.0.1', ...mutualTls(tls) });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  return socket;
};
const closed = (socket: Socket) => once(socket.resume(), 'close');

describe('a bounded server with TLS', () => {
  it('refuses TLS versions older than 1.2', async () => {
    await listen({});
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } as const;
    const socket = connectTls({ port: port(), host: '127.0.0.1', ...mutualTls(tls), ...old });
    await expect(once(socket, 'secureConnect')).rejects.toThrow();
  });

  it('limits connections even before their handshake, and closes the one that has waited longest beyond the limit', async () => {
    await listen({ connectionsMax: 2 });
    const first = await openSocket();
    const ended = closed(first);
    await openSocket();
    await openSocket();
    await ended;
  });

  it('closes an idle connection to make room for a new one', async () => {
    await listen({ connectionsMax: 2 });
    const first = await openTls();
    const ended = closed(first);
    await openTls();
    const last = await openTls();
    await ended;
    last.write('GET / HTTP/1.1\r\nHost: v\r\n\r\n');
    expect(String(await once(last, 'data'))).toContain('200 OK');
  });

  it('closes a connection that never starts its handshake', async () => {
    await listen({ headersMs: 50 });
    await closed(await openSocket());
  });

  it('can be closed at once during a handshake', async () => {
    await listen({});
    await openSocket();
    const client = await openTls();
    const ended = closed(client);
    await close();
    await ended;
  });

  it('answers a bare 400 to a request without exactly one Host header', async () => {
    await listen({});
    for (const hosts of ['', 'Host: v\r\nHost: v\r\n']) {
      const client = await openTls();
      client.write(`GET / HTTP/1.1\r\n${hosts}\r\n`);
      expect(String(await once(client, 'data'))).toMatch(/^HTTP\/1\.1 400 Refused\r\n/);
      await closed(client);
    }
  });

  it('still sends its reply to a malformed body if more bytes that are not HTTP arrive before it', async () => {
    const faults: unknown[] = [];
    await listen({}, async ({ readBody, response }) => {
      const reading = readBody(9);
      client.write('no size\r\n');
      const read = await reading;
      client.write('still no size\r\n');
      await until(() => faults.length === 2);
      response.setHeader('Connection', 'close').end(String(read));
    });
    server.on('clientError', (fault) => faults.push(fault));
    const client = await openTls();
    client.write('POST / HTTP/1.1\r\nHost: v\r\nTransfer-Encoding: chunked\r\n\r\n');
    expect(await readAll(client)).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nmalformed$/s);
  });

  it('accepts a new connection at its limit once another one has closed', async () => {
    await listen({ connectionsMax: 1 });
    for (let count = 0; count < 3; count += 1) {
      const client = await openTls();
      client.write('GET / HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n');
      expect(String(await once(client, 'data'))).toContain('200 OK');
      await closed(client);
    }
  });
});
