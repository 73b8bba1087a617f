/**
 * What the nodes of a cluster on one machine reach each other through, so that one of them can be cut off without
 * root: a forward proxy for each node, which knows by its own port which node asks, and by the host which node is
 * asked. It tunnels connections (CONNECT). A cut closes the tunnels and refuses new ones, where a cut cable would let
 * them hang: a node learns of it at once. etcd keeps to such a proxy for any host that is not loopback, so the nodes go
 * by addresses that only the proxy knows.
 */
import { createServer, type IncomingMessage } from 'node:http';
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

type Tunnel = { readonly ends: readonly number[]; readonly cut: () => void };

/** The node whose host and port these are. */
const findNode = (
  nodes: readonly RelayNode[],
  hostname: string,
  port: string,
): number | undefined =>
  nodes.find(({ node, ports }) => hostname === hostOf(node) && ports.includes(Number(port)))?.node;

/** Connects the client to the port, and returns what ends both connections. */
const openTunnel = (client: Duplex, head: Buffer, host: string, port: number): (() => void) => {
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

/** Starts the proxies on free ports of 127.0.0.1; they reach the nodes' own `ports` at `host`. */
export const startRelay = async (
  nodes: readonly RelayNode[],
  host = '127.0.0.1',
): Promise<Relay> => {
  const isolated = new Set<number>();
  const tunnels = new Set<Tunnel>();

  const isOpen = (from: number, to: number | undefined): to is number =>
    to !== undefined && !isolated.has(from) && !isolated.has(to);

  const tunnelFrom = (from: number) => (request: IncomingMessage, client: Duplex, head: Buffer) => {
    const [hostname = '', port = ''] = (request.url ?? '').split(':');
    const to = findNode(nodes, hostname, port);
    if (!isOpen(from, to)) return void client.destroy();
    const tunnel = { ends: [from, to], cut: openTunnel(client, head, host, Number(port)) };
    tunnels.add(tunnel);
    client.once('close', () => tunnels.delete(tunnel));
  };

  const servers = nodes.map(({ node }) => {
    const server = createServer((request) => void request.socket.destroy());
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
      for (const { ends, cut } of tunnels) if (ends.includes(node)) cut();
    },
    heal: (node) => void isolated.delete(node),
    isIsolated: (node) => isolated.has(node),
    close: async () => {
      for (const { cut } of tunnels) cut();
      for (const { server } of servers) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
};
