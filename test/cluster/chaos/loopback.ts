/**
 * A network that needs no root: all nodes are on 127.0.0.1, and reach each other through proxies
 * that can refuse to connect.
 */
import { hostOf } from '../../../host/node/layout.ts';
import { startRelay } from '../../../local/cluster/relay.ts';
import { findFreePorts } from '../../support/free-ports.ts';
import type { Network } from './network.ts';

const portsOfNode = 3;

export const createLoopback = async (nodes: number): Promise<Network> => {
  const host = '127.0.0.1';
  const ports = await findFreePorts(nodes * portsOfNode);
  const portsOf = (node: number) => {
    const from = (node - 1) * portsOfNode;
    const [port = 0, etcdPort = 0, peerPort = 0] = ports.slice(from);
    return { port, etcdPort, peerPort };
  };
  const relay = await startRelay(
    Array.from({ length: nodes }, (_, index) => {
      const { etcdPort, peerPort } = portsOf(index + 1);
      return { node: index + 1, ports: [etcdPort, peerPort] };
    }),
  );
  return {
    placeOf: (node) => ({
      ...{ host, peerHost: host, knownAs: hostOf(node), proxy: relay.proxyOf(node) },
      ...portsOf(node),
    }),
    at: (_, command) => command,
    cutKinds: ['peers'],
    cut: (_, node) => {
      relay.isolate(node);
      return () => relay.heal(node);
    },
    close: relay.close,
  };
};
