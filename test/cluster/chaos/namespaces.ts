/**
 * A private network for the nodes of a run, as root on Linux. Each node has a namespace, and two
 * bridges join them: one for the clients, which are outside the namespaces, and one between the
 * nodes. The bridges are in a namespace as well, because Docker filters the traffic on bridges of
 * the machine itself. If a node is cut off here, its packets vanish silently, as on a broken link.
 */
import { execFileSync } from 'node:child_process';
import type { CutKind, Network } from './network.ts';

const ip = (...args: readonly string[]): void =>
  void execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });

const canAdd = (...args: readonly string[]): boolean => {
  try {
    ip(...args);
    return true;
  } catch {
    return false;
  }
};

/**
 * Reserves a number that no other network on this machine has. All names and addresses of the
 * network contain it.
 */
const claimNumber = (): number => {
  for (let number = 0; number < 100; number += 1) {
    if (canAdd('netns', 'add', `chaos-${number}-bridges`)) return number;
  }
  throw new Error('no network can be made: that needs root, iproute2 and network namespaces');
};

/** Always free, because nobody else uses the addresses of this network. */
const ports = { http: 3_000, etcd: 2_380, peer: 2_390 } as const;

/** A hardware address that no interface has. */
const nowhere = '02:00:00:00:00:01';

export const createNamespaces = async (nodes: number): Promise<Network> => {
  const number = claimNumber();
  const bridges = `chaos-${number}-bridges`;
  const space = (node: number) => `chaos-${number}-n${node}`;
  const links = ['c', 'p'] as const;
  const door = `chaos-${number}`;
  const address = (link: string, host: number) => `10.${link === 'c' ? 77 : 78}.${number}.${host}`;
  const all = Array.from({ length: nodes }, (_, index) => index + 1);

  const connect = (node: number): void => {
    ip('netns', 'add', space(node));
    ip('-n', space(node), 'link', 'set', 'lo', 'up');
    for (const link of links) {
      const port = `${link}${node}`;
      const peer = ['peer', 'name', link, 'netns', space(node)];
      ip('-n', bridges, 'link', 'add', port, 'type', 'veth', ...peer);
      ip('-n', bridges, 'link', 'set', port, 'master', link, 'up');
      ip('-n', space(node), 'addr', 'add', `${address(link, node + 10)}/24`, 'dev', link);
      ip('-n', space(node), 'link', 'set', link, 'up');
    }
  };
  const close = (): void => {
    canAdd('link', 'del', door);
    for (const name of [...all.map(space), bridges]) canAdd('netns', 'del', name);
  };
  try {
    for (const link of links) {
      ip('-n', bridges, 'link', 'add', link, 'type', 'bridge');
      ip('-n', bridges, 'link', 'set', link, 'up');
    }
    // The bridge for the clients is connected to this machine; the other bridge is not.
    ip('link', 'add', door, 'type', 'veth', 'peer', 'name', 'door', 'netns', bridges);
    ip('-n', bridges, 'link', 'set', 'door', 'master', 'c', 'up');
    ip('addr', 'add', `${address('c', 1)}/24`, 'dev', door);
    ip('link', 'set', door, 'up');
    for (const node of all) connect(node);
  } catch (error) {
    close();
    throw error;
  }

  const unplug = (link: string, node: number): (() => void) => {
    ip('-n', bridges, 'link', 'set', `${link}${node}`, 'nomaster');
    return () => ip('-n', bridges, 'link', 'set', `${link}${node}`, 'master', link);
  };
  /** Makes everything that `node` sends to `other` vanish. */
  const misdirect = (node: number, other: number): (() => void) => {
    const target = [address('p', other + 10), 'dev', 'p'];
    ip('-n', space(node), 'neigh', 'replace', ...target, 'lladdr', nowhere, 'nud', 'permanent');
    return () => ip('-n', space(node), 'neigh', 'del', ...target);
  };
  const cuts: Readonly<Record<CutKind, (node: number) => readonly (() => void)[]>> = {
    peers: (node) => [unplug('p', node)],
    all: (node) => links.map((link) => unplug(link, node)),
    mute: (node) => all.filter((other) => other !== node).map((other) => misdirect(node, other)),
    pair: (node) => {
      const next = (node % nodes) + 1;
      return [misdirect(node, next), misdirect(next, node)];
    },
  };
  return {
    placeOf: (node) => ({
      ...{ host: address('c', node + 10), port: ports.http },
      ...{ peerHost: address('p', node + 10), knownAs: address('p', node + 10) },
      ...{ etcdPort: ports.etcd, peerPort: ports.peer, proxy: undefined },
    }),
    at: (node, command) => ['ip', 'netns', 'exec', space(node), ...command],
    cutKinds: ['peers', 'all', 'mute', 'pair'],
    cut: (kind, node) => {
      const heals = cuts[kind](node);
      return () => {
        for (const heal of heals) heal();
      };
    },
    close: async () => close(),
  };
};
