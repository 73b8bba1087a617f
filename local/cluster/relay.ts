/**
 * What the nodes of a cluster on one machine reach each other through, so that one of them can be cut off without
 * root: a forward proxy for each node, which knows by its own port which node asks, and by the host which node is
 * asked. It tunnels connections (CONNECT), and it forwards plain HTTP requests. A cut closes what is under way and
 * refuses new requests, where a cut cable would let them hang: a node learns of it at once. etcd keeps to such a proxy
 * for any host that is not loopback, so the nodes go by addresses that only the proxy knows.
 */
import {
  Agent,
  createServer,
  type IncomingMessage,
  type RequestOptions,
  type ServerResponse,
  request as send,
} from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';

export type RelayNode = { readonly node: number; readonly ports: readonly number[] };

export type Relay = {
  /** The proxy that this node must be told. */
  readonly proxyOf: (node: number) => string;
  readonly isolate: (node: number) => void;
  readonly heal: (node: number) => void;
  readonly isIsolated: (node: number) => boolean;
  readonly close: () => Promise<void>;
};

/**
 * The host by which the nodes know a node. An address, for etcd looks names up, for up to thirty seconds,
 * before it joins; of a multicast group, to which TCP connects nowhere: without the proxy nothing leaves the machine.
 */
export const hostOf = (node: number): string => `239.255.0.${node}`;

type Exchange = { readonly ends: readonly number[]; readonly cut: () => void };
type Target = { readonly node: number; readonly options: RequestOptions };

/** The node whose host and port these are. */
const findNode = (
  nodes: readonly RelayNode[],
  hostname: string,
  port: string,
): number | undefined =>
  nodes.find(({ node, ports }) => hostname === hostOf(node) && ports.includes(Number(port)))?.node;

const parseTarget = (nodes: readonly RelayNode[], text: string): Target | undefined => {
  if (!URL.canParse(text)) return undefined;
  const { hostname, port, pathname, search } = new URL(text);
  const node = findNode(nodes, hostname, port);
  return node === undefined ? undefined : { node, options: { port, path: `${pathname}${search}` } };
};

/** Connects the client to the port, and returns what ends both connections. */
const tunnel = (client: Duplex, head: Buffer, host: string, port: number): (() => void) => {
  const onward = connect(port, host);
  const cut = () => {
    client.destroy();
    onward.destroy();
  };
  onward.once('connect', () => {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    onward.write(head);
    client.pipe(onward).pipe(client);
  });
  onward.once('error', cut);
  client.once('error', cut).once('close', () => onward.destroy());
  return cut;
};

const forward = (
  request: IncomingMessage,
  response: ServerResponse,
  options: RequestOptions,
): (() => void) => {
  const onward = send({ ...options, method: request.method, headers: request.headers });
  const cut = () => {
    request.socket.destroy();
    onward.destroy();
  };
  onward.once('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    // etcd's streams send their head long before their first message.
    response.flushHeaders();
    answer.once('error', cut).pipe(response);
  });
  onward.once('error', cut);
  request.once('error', cut).pipe(onward);
  response.once('close', () => onward.destroy());
  return cut;
};

/** Starts the proxies on free ports of 127.0.0.1; they reach the nodes' own `ports` at `host`. */
export const startRelay = async (
  nodes: readonly RelayNode[],
  host = '127.0.0.1',
): Promise<Relay> => {
  const isolated = new Set<number>();
  const exchanges = new Set<Exchange>();
  const agent = new Agent({ keepAlive: true });

  const isOpen = (from: number, to: number | undefined): to is number =>
    to !== undefined && !isolated.has(from) && !isolated.has(to);
  const keep = (exchange: Exchange, end: Duplex | ServerResponse): void => {
    exchanges.add(exchange);
    end.once('close', () => exchanges.delete(exchange));
  };

  const tunnelFrom = (from: number) => (request: IncomingMessage, client: Duplex, head: Buffer) => {
    const [hostname = '', port = ''] = (request.url ?? '').split(':');
    const to = findNode(nodes, hostname, port);
    if (!isOpen(from, to)) return void client.destroy();
    keep({ ends: [from, to], cut: tunnel(client, head, host, Number(port)) }, client);
  };

  const relayFrom = (from: number) => (request: IncomingMessage, response: ServerResponse) => {
    const target = parseTarget(nodes, request.url ?? '');
    if (target === undefined || !isOpen(from, target.node)) return void request.socket.destroy();
    const options = { ...target.options, host, agent };
    keep({ ends: [from, target.node], cut: forward(request, response, options) }, response);
  };

  const servers = nodes.map(({ node }) => {
    // A stream between two nodes lasts as long as they do.
    const server = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 }, relayFrom(node));
    server.on('connect', tunnelFrom(node));
    return { node, server };
  });
  for (const { server } of servers) {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
  }
  const proxies = new Map(
    servers.map(({ node, server }) => [
      node,
      `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ]),
  );
  return {
    proxyOf: (node) => proxies.get(node) ?? '',
    isolate: (node) => {
      isolated.add(node);
      for (const { ends, cut } of exchanges) if (ends.includes(node)) cut();
    },
    heal: (node) => void isolated.delete(node),
    isIsolated: (node) => isolated.has(node),
    close: async () => {
      agent.destroy();
      for (const { cut } of exchanges) cut();
      for (const { server } of servers) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
};
