/**
 * What the nodes of a cluster on one machine reach each other through, so that one of them can be cut off without
 * root: a forward HTTP proxy for each node, which knows by its port who asks and by the host who is asked. A cut
 * closes the exchanges under way and refuses new ones, where a cut cable would let them hang: a node learns of it at
 * once. etcd keeps to such a proxy for any host that is not loopback, so the nodes go by addresses that only the
 * proxy knows.
 */
import {
  Agent,
  createServer,
  type IncomingMessage,
  type RequestOptions,
  type ServerResponse,
  request as send,
} from 'node:http';
import type { AddressInfo } from 'node:net';

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

const parseTarget = (nodes: readonly RelayNode[], text: string): Target | undefined => {
  if (!URL.canParse(text)) return undefined;
  const { hostname, port, pathname, search } = new URL(text);
  const found = nodes.find(({ node, ports }) => {
    return hostname === hostOf(node) && ports.includes(Number(port));
  });
  return found && { node: found.node, options: { port, path: `${pathname}${search}` } };
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

  const relayFrom = (from: number) => (request: IncomingMessage, response: ServerResponse) => {
    const target = parseTarget(nodes, request.url ?? '');
    const ends = [from, ...(target ? [target.node] : [])];
    if (target === undefined || ends.some((node) => isolated.has(node))) {
      request.socket.destroy();
      return;
    }
    const options = { ...target.options, host, agent };
    const exchange: Exchange = { ends, cut: forward(request, response, options) };
    exchanges.add(exchange);
    response.once('close', () => exchanges.delete(exchange));
  };

  const servers = nodes.map(({ node }) => {
    // A stream between two nodes lasts as long as they do.
    const server = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 }, relayFrom(node));
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
      for (const { server } of servers) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
};
