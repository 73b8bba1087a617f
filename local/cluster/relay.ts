/**
 * Proxies through which the nodes of a cluster on one machine reach each other, so that a node can
 * be cut off without root: one forward proxy per node, which tunnels connections (CONNECT). Cutting
 * a node off closes the tunnels and refuses new ones, so a node notices immediately, whereas
 * connections over a cut cable would hang. etcd uses such a proxy for every host that is not
 * loopback, so the nodes are known by addresses that only the proxies can resolve.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { hostOf } from '../../host/node/layout.ts';

export type RelayNode = { readonly node: number; readonly ports: readonly number[] };

export type Relay = {
  /** The URL of the proxy that this node must use. */
  readonly proxyOf: (node: number) => string;
  readonly isolate: (node: number) => void;
  readonly heal: (node: number) => void;
  readonly isIsolated: (node: number) => boolean;
  readonly close: () => Promise<void>;
};

type Tunnel = { readonly ends: readonly number[]; readonly cut: () => void };

const findNode = (
  nodes: readonly RelayNode[],
  hostname: string,
  port: string,
): number | undefined =>
  nodes.find(({ node, ports }) => hostname === hostOf(node) && ports.includes(Number(port)))?.node;

/** Connects the client to the port, and returns a function that ends both connections. */
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
