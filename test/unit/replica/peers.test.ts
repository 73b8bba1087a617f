/** The port between nodes, over a real connection. */
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findFreePort } from '../../../local/child.ts';
import {
  askText,
  createAskPeer,
  type PeerRoute,
  type PeerServer,
  servePeers,
} from '../../../local/replica/peers.ts';
import { configOf } from '../../support/peers.ts';
import { countAnswered } from '../../support/sockets.ts';

const secret = 'the-secret-of-the-cluster';
const timeoutMs = 10_000;

describe('the port between nodes', () => {
  let server: PeerServer;
  let port: number;
  let asked = 0;
  const config = () => {
    const one = configOf(1, 1);
    return { ...one, nodes: one.nodes.map((node) => ({ ...node, peerPort: port })) };
  };
  const told = (method: 'GET' | 'POST', path: string, body?: string): Promise<string> =>
    askText(createAskPeer(config(), secret), 1, method, path, { timeoutMs, ...(body && { body }) });
  /** The status for a caller who says this of itself. */
  const statusFor = (
    authorization: string | undefined,
    path = '/status',
    more: Readonly<Record<string, string>> = {},
  ): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = {
        ...(authorization !== undefined && { Authorization: authorization }),
        ...more,
      };
      request({ host: '127.0.0.1', port, path, headers }, (reply) => {
        reply.resume();
        resolve(reply.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });

  beforeAll(async () => {
    port = await findFreePort();
    const answer = async (body: string): Promise<string> => {
      asked += 1;
      return `told ${body.length}`;
    };
    const routes = new Map<string, PeerRoute>([
      ['GET /status', answer],
      ['GET /snapshot', answer],
      ['POST /exchange', answer],
      [
        'GET /half',
        async (_, response) => {
          await new Promise((resolve) =>
            response.writeHead(200, { 'Content-Length': 9 }).write('half', resolve),
          );
          throw new Error('the disk failed');
        },
      ],
      ['GET /never', () => new Promise(() => undefined)],
    ]);
    server = await servePeers(config(), secret, routes);
  });
  afterAll(() => server.close());

  it('ends a connection on which a hundred requests wait', async () => {
    const request = 'GET /status HTTP/1.1\r\nHost: v\r\n\r\n';
    expect(await countAnswered(`http://127.0.0.1:${port}`, request)).toBeLessThan(100);
  });

  it('answers who has the secret of the cluster', async () => {
    expect(await told('GET', '/status')).toBe('told 0');
    expect(await told('POST', '/exchange', 'a report')).toBe('told 8');
  });

  it.each([
    ['nothing', undefined],
    ['an empty secret', 'Bearer '],
    ['another secret', 'Bearer another-secret-of-a-cluster'],
    ['the beginning of it', `Bearer ${secret.slice(0, -1)}`],
    ['more than it', `Bearer ${secret}x`],
    ['it in another scheme', `Basic ${secret}`],
    ['it alone', secret],
  ])('asks nothing of a node for who says %s', async (_, authorization) => {
    const before = asked;
    expect(await statusFor(authorization)).toBe(401);
    expect(await statusFor(authorization, '/snapshot')).toBe(401);
    // Not even which routes there are.
    expect(await statusFor(authorization, '/nowhere')).toBe(401);
    expect(asked).toBe(before);
  });

  it('answers no web page, not even one that has the secret of the cluster', async () => {
    const before = asked;
    for (const Origin of ['https://a.example', 'null']) {
      expect(await statusFor(`Bearer ${secret}`, '/status', { Origin })).toBe(403);
    }
    expect(asked).toBe(before);
  });

  it('ends an answer that fails in the middle, so that nobody takes it for a whole one', async () => {
    const cut = told('GET', '/half');
    await expect(cut).rejects.toThrow('aborted');
  });

  it('gives up a node that says nothing for so long', async () => {
    const ask = createAskPeer(config(), secret)(1, 'GET', '/never', { timeoutMs: 20 });
    await expect(ask).rejects.toThrow('node 1 is silent');
  });

  it('has no other routes, and takes no message of more than a megabyte', async () => {
    await expect(told('GET', '/nowhere')).rejects.toThrow('404');
    await expect(told('POST', '/exchange', 'x'.repeat(2 ** 20 + 1))).rejects.toThrow();
    expect(await told('POST', '/exchange', 'x'.repeat(2 ** 20))).toBe(`told ${2 ** 20}`);
  });
});
