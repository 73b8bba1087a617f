/** The port between nodes, tested over real connections. */
import type { RequestListener, ServerResponse } from 'node:http';
import { type AgentOptions, createServer, request } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mutualTls, type TlsFiles } from '../../../../host/http/tls.ts';
import { hostOf } from '../../../../host/node/layout.ts';
import type { NodeConfig } from '../../../../host/node/node-config.ts';
import {
  createPeerCall,
  type PeerRoute,
  type PeerServer,
  servePeers,
} from '../../../../host/node/peers.ts';
import { findFreePort } from '../../../../host/process/ports.ts';
import { startRelay } from '../../../../local/cluster/relay.ts';
import { freshCertificates } from '../../../support/certificates.ts';
import { configOf } from '../../../support/nodes.ts';

const timeoutMs = 10_000;
let server: PeerServer;
let port: number;
let tls: TlsFiles;
let asked = 0;

const configTo = (host = '127.0.0.1', peerProxy?: URL): NodeConfig =>
  configOf(1, 1, { nodes: [{ node: 1, host, etcdPort: 1, peerPort: port }], peerProxy });
const ask = (
  method: 'GET' | 'POST',
  path: string,
  { body = '', config = configTo(), files = tls, token = 'one', limitMs = timeoutMs } = {},
): Promise<string> =>
  createPeerCall(config, { token, tls: files })(1, method, path, { body, timeoutMs: limitMs });

const writeForEver = (response: ServerResponse): void => {
  while (!response.destroyed && response.write('x'.repeat(10_000)));
  response.once('drain', () => writeForEver(response));
};

/** Returns the status that a client with these agent options receives. */
const statusFor = (options: AgentOptions): Promise<number> =>
  new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/status', agent: false, ...options }, (reply) => {
      reply.resume();
      resolve(reply.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });

beforeAll(async () => {
  port = await findFreePort();
  tls = await freshCertificates([hostOf(1)]);
  const answer = async (body: string): Promise<string> => {
    asked += 1;
    return `heard ${body.length}`;
  };
  const routes = new Map<string, PeerRoute>([
    ['GET /status', answer],
    ['POST /exchange', answer],
    ['GET /never', () => new Promise(() => undefined)],
    ['GET /failing', () => Promise.reject(new Error('there is no majority'))],
  ]);
  server = await servePeers(configTo(), { token: 'one', tls }, routes);
});
afterAll(() => server.close());

describe('the port between nodes', () => {
  it('answers a node that has the certificate of the cluster', async () => {
    expect(await ask('GET', '/status')).toBe('heard 0');
    expect(await ask('POST', '/exchange', { body: 'a report' })).toBe('heard 8');
  });

  it('refuses plain HTTP, and refuses a client without a certificate of the cluster in the handshake', async () => {
    const stranger = await freshCertificates();
    const before = asked;
    await expect(fetch(`http://127.0.0.1:${port}/status`)).rejects.toThrow();
    await expect(statusFor({ ca: tls.ca })).rejects.toThrow();
    await expect(statusFor({ ...mutualTls(stranger), ca: tls.ca })).rejects.toThrow();
    expect(asked).toBe(before);
  });

  it('refuses a node of another cluster with the same certificate, and says why', async () => {
    const before = asked;
    expect(await statusFor(mutualTls(tls))).toBe(421);
    await expect(ask('GET', '/status', { token: 'other' })).rejects.toMatchObject({
      message: 'node 1: it belongs to another cluster',
      code: 'OTHER_CLUSTER',
    });
    expect(asked).toBe(before);
  });

  it.each([
    ['answers 404 if there is no such route', '/nowhere', 'node 1: 404'],
    ['says why a route failed', '/failing', 'node 1: there is no majority'],
  ])('%s', async (_, path, sentence) => {
    await expect(ask('GET', path)).rejects.toThrow(sentence);
  });

  it('accepts messages of up to a megabyte', async () => {
    const body = 'x'.repeat(2 ** 20);
    await expect(ask('POST', '/exchange', { body: `${body}x` })).rejects.toThrow();
    expect(await ask('POST', '/exchange', { body })).toBe(`heard ${2 ** 20}`);
  });

  it('causes an error that names the port if it is in use', async () => {
    const second = servePeers(configTo(), { token: 'one', tls }, new Map());
    await expect(second).rejects.toThrow(`cannot listen on the node-to-node port ${port}: `);
  });
});

describe('createPeerCall', () => {
  it('rejects when a node gives no answer within the time limit', async () => {
    await expect(ask('GET', '/never', { limitMs: 200 })).rejects.toThrow('node 1 is silent');
  });

  it.each<[string, RequestListener, string]>([
    [
      'stalls in the middle',
      (_, response) => void response.writeHead(200, { 'Content-Length': 9 }).write('half'),
      'node 1 is silent',
    ],
    [
      'is cut off in the middle',
      (_, response) => {
        const end = () => response.destroy();
        response.writeHead(200, { 'Content-Length': 9 }).write('half', end);
      },
      'aborted',
    ],
    [
      'is longer than a megabyte',
      (_, response) => void response.end('x'.repeat(2 ** 20 + 1)),
      'long',
    ],
    ['never ends', (_, response) => writeForEver(response), 'long'],
  ])('rejects an answer that %s', async (_, listener, sentence) => {
    const answering = createServer(mutualTls(tls), listener);
    await new Promise<void>((resolve) => answering.listen(0, '127.0.0.1', resolve));
    const { port: peerPort } = answering.address() as AddressInfo;
    const config = { nodes: [{ node: 1, host: '127.0.0.1', etcdPort: 1, peerPort }] };
    // A busy machine needs seconds for a megabyte.
    const limitMs = sentence.endsWith('silent') ? 500 : 60_000;
    try {
      await expect(ask('GET', '/', { config: configOf(1, 1, config), limitMs })).rejects.toThrow(
        sentence,
      );
    } finally {
      answering.close().closeAllConnections();
    }
  });

  it('refuses a server with another certificate', async () => {
    const files = { ...tls, ca: (await freshCertificates()).ca };
    await expect(ask('GET', '/status', { files })).rejects.toThrow();
  });

  it('tunnels through the forward proxy, even to a host that only the proxy can resolve', async () => {
    const relay = await startRelay([{ node: 1, ports: [port] }]);
    const config = configTo(hostOf(1), new URL(relay.proxyOf(1)));
    expect(await ask('GET', '/status', { config })).toBe('heard 0');
    relay.isolate(1);
    await expect(ask('GET', '/status', { config })).rejects.toThrow();
    await relay.close();
  });

  it.each([
    ['says nothing', ''],
    ['opens a tunnel to nothing', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['refuses the tunnel', 'HTTP/1.1 403 Forbidden\r\n\r\n'],
  ])('gives up on a proxy that %s, and closes the connection', async (_, said) => {
    const proxy = createTcpServer((socket) => {
      socket
        .on('error', () => undefined)
        .resume()
        .once('data', () => socket.write(said));
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port: proxyPort } = proxy.address() as AddressInfo;
    const config = configTo(hostOf(1), new URL(`http://127.0.0.1:${proxyPort}`));
    await expect(ask('GET', '/status', { config, limitMs: 200 })).rejects.toThrow();
    await new Promise((resolve) => proxy.close(resolve));
  });
});
