/** The port between nodes, over a real connection. */
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findFreePort } from '../../../local/child.ts';
import {
  askText,
  createAskPeer,
  type PeerServer,
  servePeers,
} from '../../../local/replica/peers.ts';
import { configOf } from '../../support/peers.ts';

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
  const statusFor = (authorization: string | undefined, path = '/status'): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = authorization === undefined ? {} : { Authorization: authorization };
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
    const routes = new Map([
      ['GET /status', answer],
      ['GET /snapshot', answer],
      ['POST /exchange', answer],
    ]);
    server = await servePeers(config(), secret, routes);
  });
  afterAll(() => server.close());

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

  it('has no other routes, and takes no message of more than a megabyte', async () => {
    await expect(told('GET', '/nowhere')).rejects.toThrow('404');
    await expect(told('POST', '/exchange', 'x'.repeat(2 ** 20 + 1))).rejects.toThrow();
    expect(await told('POST', '/exchange', 'x'.repeat(2 ** 20))).toBe(`told ${2 ** 20}`);
  });
});
