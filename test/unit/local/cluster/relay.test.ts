/** Nodes that are plain HTTP servers, asked through the relay as etcd and the replica ask each other. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hostOf, type Relay, startRelay } from '../../../../local/cluster/relay.ts';

type Node = { readonly node: number; readonly port: number; readonly server: Server };
let nodes: Node[];
let relay: Relay;

const startNode = async (node: number): Promise<Node> => {
  const server = createServer((incoming, response) => {
    if (incoming.url === '/stream') return void response.write(`begun by ${node}\n`);
    if (incoming.url === '/silent-stream') return response.flushHeaders();
    let body = '';
    incoming.setEncoding('utf8').on('data', (chunk) => {
      body += chunk;
    });
    incoming.on('end', () => {
      const { method, url, headers } = incoming;
      response
        .writeHead(201, { 'X-Node': node })
        .end(`${node} ${method} ${url} ${headers.host} ${headers['x-mark']} ${body}`);
    });
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

const ask = (
  from: number,
  to: number,
  path = '/',
  { method = 'GET', body = '', url = `http://${hostOf(to)}:${portOf(to)}${path}` } = {},
): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const { hostname: host, port } = new URL(relay.proxyOf(from));
    const headers = { Host: new URL(url).host, 'X-Mark': 'm', 'Content-Length': body.length };
    request({ host, port, path: url, method, headers, agent: false }, resolve)
      .once('error', reject)
      .end(body);
  });
const textOf = async (message: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of message) text += chunk;
  return text;
};
const reaches = async (from: number, to: number): Promise<boolean> =>
  await ask(from, to).then(
    async (answer) => (await textOf(answer)).startsWith(`${to} `),
    () => false,
  );
const pairs = [1, 2, 3].flatMap((from) => [1, 2, 3].map((to) => [from, to] as const));

describe('the relay between the nodes', () => {
  it('hands on method, path, headers and body, and the whole answer', async () => {
    const answer = await ask(1, 2, '/raft?x=1', { method: 'POST', body: 'entries' });
    expect(answer.statusCode).toBe(201);
    expect(answer.headers['x-node']).toBe('2');
    expect(await textOf(answer)).toBe(`2 POST /raft?x=1 ${hostOf(2)}:${portOf(2)} m entries`);
  });

  it('hands on the beginning of a stream at once, be it only its head', async () => {
    expect((await ask(1, 3, '/silent-stream')).statusCode).toBe(200);
    const stream = await ask(1, 3, '/stream');
    const [first] = await new Promise<[Buffer]>((resolve) => {
      stream.once('data', (chunk) => resolve([chunk]));
    });
    expect(first.toString()).toBe('begun by 3\n');
  });

  it('leads to the ports of the nodes and nowhere else', async () => {
    for (const url of [
      `http://127.0.0.1:${portOf(2)}/`,
      `http://${hostOf(2)}:${portOf(3)}/`,
      `http://${hostOf(2)}/`,
      `http://${hostOf(9)}:${portOf(2)}/`,
    ]) {
      await expect(ask(1, 2, '/', { url })).rejects.toThrow();
    }
  });

  it('cuts one node off both ways, and the others not', async () => {
    relay.isolate(2);
    expect([1, 2, 3].map(relay.isIsolated)).toEqual([false, true, false]);
    for (const [from, to] of pairs) expect(await reaches(from, to)).toBe(from !== 2 && to !== 2);
  });

  it('ends what is under way to and from a node that is cut off, and leaves the rest', async () => {
    const streams = await Promise.all(
      pairs.map(async ([from, to]) => {
        const stream = await ask(from, to, '/stream');
        const broken = new Promise<boolean>((resolve) => {
          stream.once('error', () => resolve(true)).once('close', () => resolve(true));
        });
        stream.resume();
        return { from, to, stream, broken };
      }),
    );
    relay.isolate(2);
    for (const { from, to, stream, broken } of streams) {
      if (from === 2 || to === 2) expect(await broken).toBe(true);
      else expect(stream.destroyed).toBe(false);
    }
  });

  it('joins it again', async () => {
    relay.isolate(2);
    expect(await reaches(1, 2)).toBe(false);
    relay.heal(2);
    for (const [from, to] of pairs) expect(await reaches(from, to)).toBe(true);
  });

  it('breaks off towards who asks when the node that is asked is dead', async () => {
    const server = nodes[1]?.server;
    server?.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
    await expect(ask(1, 2)).rejects.toThrow();
    expect(await reaches(1, 3)).toBe(true);
  });
});

/** The connection of a tunnel to this host and port. Rejects if the relay opens none. */
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
  it('carries bytes both ways, to the end', async () => {
    expect(await askInTunnel(1, 2)).toContain('2 GET /inside v ');
  });

  it('leads to the ports of the nodes and nowhere else', async () => {
    const [own, other] = [portOf(2), portOf(3)];
    for (const path of [`127.0.0.1:${own}`, `${hostOf(2)}:${other}`, hostOf(2), `:${own}`, '']) {
      await expect(openTunnel(1, path)).rejects.toThrow();
    }
  });

  it('opens neither to nor from a node that is cut off, until it is joined again', async () => {
    relay.isolate(2);
    for (const [from, to] of pairs) {
      expect(await isTunnelled(from, to)).toBe(from !== 2 && to !== 2);
    }
    relay.heal(2);
    for (const [from, to] of pairs) expect(await isTunnelled(from, to)).toBe(true);
  });

  it('ends at once when one of its nodes is cut off, and else goes on', async () => {
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

  it('ends when the node dies, and when the relay closes', async () => {
    const [dying, staying] = [
      await openTunnel(1, `${hostOf(2)}:${portOf(2)}`),
      await openTunnel(1, `${hostOf(3)}:${portOf(3)}`),
    ];
    nodes[1]?.server.closeAllConnections();
    await once(dying.on('error', () => undefined).resume(), 'close');
    await relay.close();
    await once(staying.on('error', () => undefined).resume(), 'close');
  });
});
