/** A network without root: all nodes on 127.0.0.1, where they reach each other through proxies that can refuse. */
import { hostOf, startRelay } from '../../../local/cluster/relay.ts';
import type { Network } from './network.ts';

const portsOfNode = 4;

export const createLoopback = async (nodes: number, firstPort: number): Promise<Network> => {
  const host = '127.0.0.1';
  const portsOf = (node: number) => {
    const port = firstPort + 1 + (node - 1) * portsOfNode;
    return { port, hostilePort: port + 1, etcdPort: port + 2, peerPort: port + 3 };
  };
  const relay = await startRelay(
    Array.from({ length: nodes }, (_, index) => {
      const { etcdPort, peerPort } = portsOf(index + 1);
      return { node: index + 1, ports: [etcdPort, peerPort] };
    }),
  );
  return {
    keyHost: host,
    keyPort: firstPort,
    hostileKeyPort: firstPort + 1 + nodes * portsOfNode,
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
