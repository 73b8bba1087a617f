/**
 * Plain HTTP servers stand in for the nodes. The tests reach them through the relay, like etcd and
 * the nodes reach each other.
 */
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hostOf } from '../../../../host/node/layout.ts';
import { type Relay, startRelay } from '../../../../local/cluster/relay.ts';

type Node = { readonly node: number; readonly port: number; readonly server: Server };
let nodes: Node[];
let relay: Relay;

const startNode = async (node: number): Promise<Node> => {
  const server = createServer(({ method, url, headers }, response) => {
    response.end(`${node} ${method} ${url} ${headers.host}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { node, server, port: (server.address() as AddressInfo).port };
};

beforeEach(async () => {
  nodes = await Promise.all([1, 2, 3].map(startNode));
  relay = await startRelay(nodes.map(({ node, port }) => ({ node, ports: [port] })));
});
afterEach(async () => {
  await relay.close();
  for (const { server } of nodes) server.close().closeAllConnections();
});

const portOf = (node: number): number => nodes[node - 1]?.port ?? 0;

const pairs = [1, 2, 3].flatMap((from) => [1, 2, 3].map((to) => [from, to] as const));

/** Opens a tunnel to this host and port. Rejects if the relay refuses it. */
const openTunnel = (from: number, path: string): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const { hostname: host, port } = new URL(relay.proxyOf(from));
    request({ host, port, method: 'CONNECT', path, agent: false })
      .once('error', reject)
      .once('connect', ({ statusCode }, socket) => {
        if (statusCode === 200) resolve(socket);
        else reject(new Error(`status ${statusCode}`));
      })
      .end();
  });
const askInTunnel = async (from: number, to: number): Promise<string> => {
  const socket = await openTunnel(from, `${hostOf(to)}:${portOf(to)}`);
  socket.write('GET /inside HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n');
  return text(socket);
};
const isTunnelled = (from: number, to: number): Promise<boolean> =>
  askInTunnel(from, to).then(
    (answer) => answer.includes(`${to} GET /inside`),
    () => false,
  );

describe('a tunnel through the relay', () => {
  it('carries bytes in both directions, to the end', async () => {
    expect(await askInTunnel(1, 2)).toMatch(/^2 GET \/inside v$/m);
  });

  it('leads to the ports of the nodes and nowhere else', async () => {
    const [own, other] = [portOf(2), portOf(3)];
    for (const path of [`127.0.0.1:${own}`, `${hostOf(2)}:${other}`, hostOf(2), `:${own}`, '']) {
      await expect(openTunnel(1, path)).rejects.toThrow();
    }
  });

  it('cannot be opened to or from a node that is cut off, until the node is joined again', async () => {
    relay.isolate(2);
    expect([1, 2, 3].map(relay.isIsolated)).toEqual([false, true, false]);
    for (const [from, to] of pairs) {
      expect(await isTunnelled(from, to)).toBe(from !== 2 && to !== 2);
    }
    relay.heal(2);
    for (const [from, to] of pairs) expect(await isTunnelled(from, to)).toBe(true);
  });

  it('ends at once if one of its nodes is cut off, and otherwise continues', async () => {
    const tunnels = await Promise.all(
      pairs.map(async ([from, to]) => {
        const socket = await openTunnel(from, `${hostOf(to)}:${portOf(to)}`);
        const ended = once(socket.on('error', () => undefined).resume(), 'close');
        return { from, to, socket, ended };
      }),
    );
    relay.isolate(2);
    for (const { from, to, socket, ended } of tunnels) {
      if (from === 2 || to === 2) await ended;
      else expect(socket.destroyed).toBe(false);
    }
  });

  it('ends when its node dies, and when the relay closes', async () => {
    const [dying, staying] = [
      await openTunnel(1, `${hostOf(2)}:${portOf(2)}`),
      await openTunnel(1, `${hostOf(3)}:${portOf(3)}`),
    ];
    nodes[1]?.server.closeAllConnections();
    await once(dying.on('error', () => undefined).resume(), 'close');
    await relay.close();
    await once(staying.on('error', () => undefined).resume(), 'close');
  });

  it('cannot be opened if nothing listens at the node', async () => {
    const server = nodes[1]?.server;
    await new Promise((resolve) => server?.close(resolve));
    await expect(askInTunnel(1, 2)).rejects.toThrow();
    expect(await isTunnelled(1, 3)).toBe(true);
  });
});

describe('the relay', () => {
  it('does not forward plain requests', async () => {
    const { hostname: host, port } = new URL(relay.proxyOf(1));
    const path = `http://${hostOf(2)}:${portOf(2)}/`;
    const asked = once(request({ host, port, path, agent: false }).end(), 'response');
    await expect(asked).rejects.toThrow();
  });
});
