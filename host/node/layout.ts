/**
 * The folders and ports of a cluster on one machine, where everything listens on 127.0.0.1. Counted
 * from the first port, the vaults use ports 0 to 2, etcd 10 to 12, and the node-to-node servers 20
 * to 22. etcd remembers the ports of its members, so the folder keeps the first port of the first
 * run. Only the vaults can use other ports in a later run.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { failure } from '../../system/failures.ts';
import { createFileOnce } from '../../system/files.ts';
import { isFree, requireFreePort } from '../process/ports.ts';

export const nodeNumbers = [1, 2, 3] as const;

/**
 * The host under which the nodes know each other. Only the proxies of `local/cluster/relay.ts`
 * connect it to the node's ports. It is an address, because etcd looks up names before it joins,
 * which can take thirty seconds. And it is the address of a multicast group, to which TCP cannot
 * connect, so that nothing leaves the machine if a node bypasses its proxy.
 */
export const hostOf = (node: number): string => `239.255.0.${node}`;

export type NodeLayout = {
  readonly node: number;
  readonly folder: string;
  readonly port: number;
  readonly etcdPort: number;
  readonly peerPort: number;
};

export type Layout = {
  readonly folder: string;
  readonly nodes: readonly NodeLayout[];
  /**
   * The folder with the master key, and with what `npm run cluster -- init` creates but no node
   * needs.
   */
  readonly keyFolder: string;
  readonly clusterFile: string;
};

const firstPortPreset = 3_001;
const portsSpan = 23;
/**
 * The range for free ports. It is below the ports that systems use for outgoing connections,
 * because such a connection could occupy the port of a killed node.
 */
const freeRange = { from: 10_000, to: 20_000 - portsSpan };

const portsFile = v.object({ firstPort: v.pipe(v.number(), v.integer(), v.minValue(1)) });

/**
 * Parses `CLUSTER_PORT`; 0 means any free ports. Returns `undefined` if it is not set. Throws a
 * user-facing error if it is not a port.
 */
export const readFirstPort = (environment: NodeJS.ProcessEnv): number | undefined => {
  const text = environment['CLUSTER_PORT'];
  if (!text) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port + portsSpan <= 65_536) return port;
  throw failure(`CLUSTER_PORT must be a number from 0 to ${65_536 - portsSpan}`);
};

const findFirstPort = async (): Promise<number> => {
  for (let tries = 0; tries < 100; tries += 1) {
    const first = freeRange.from + Math.floor(Math.random() * (freeRange.to - freeRange.from));
    const ports = Array.from({ length: portsSpan }, (_, index) => first + index);
    if ((await Promise.all(ports.map((port) => isFree(port)))).every(Boolean)) return first;
  }
  throw failure(`no ${portsSpan} consecutive ports are free on this machine: set CLUSTER_PORT`);
};

const parsePorts = (file: string, text: string): number => {
  try {
    return v.parse(portsFile, JSON.parse(text)).firstPort;
  } catch (cause) {
    throw failure(
      `${file} is damaged: write {"firstPort":N} into it, where ${firstPortPreset} is what N is unless CLUSTER_PORT was set at the first start`,
      { cause },
    );
  }
};

const portsFileOf = (folder: string): string => join(folder, 'ports.json');

/**
 * Returns the layout of the cluster in this folder. `asked` is the first port that the user wants,
 * as `readFirstPort` returns it. The first start writes its first port to `ports.json`. Throws a
 * user-facing error if that file is damaged, or if `asked` is 0 and too few ports are free.
 */
export const openLayout = async (folder: string, asked: number | undefined): Promise<Layout> => {
  const file = portsFileOf(folder);
  const fresh = asked === 0 ? await findFirstPort() : (asked ?? firstPortPreset);
  const kept = parsePorts(
    file,
    createFileOnce(file, () => JSON.stringify({ firstPort: fresh })),
  );
  return layoutOf(folder, asked || kept, kept);
};

/**
 * Returns the layout of the cluster in the folder. `first` is the first vault's port in this run.
 * `kept` is the one in the first run, from which the ports of etcd and of the node-to-node servers
 * are counted.
 */
const layoutOf = (folder: string, first: number, kept: number): Layout => {
  return {
    folder,
    nodes: nodeNumbers.map((node, index) => ({
      node,
      folder: join(folder, `node-${node}`),
      port: first + index,
      etcdPort: kept + 10 + index,
      peerPort: kept + 20 + index,
    })),
    keyFolder: join(folder, 'key'),
    clusterFile: join(folder, 'cluster.json'),
  };
};

const host = '127.0.0.1';

/**
 * Throws a user-facing error if a port for a cluster in a new folder is in use. Call it before the
 * folder is created, because the first run fixes etcd's ports.
 */
export const requireFreePortsOfNew = async (
  folder: string,
  asked: number | undefined,
): Promise<void> => {
  if (asked === 0 || existsSync(portsFileOf(folder))) return;
  const first = asked ?? firstPortPreset;
  const { nodes } = layoutOf(folder, first, first);
  const ports = nodes.flatMap(({ port, etcdPort, peerPort }) => [port, etcdPort, peerPort]);
  for (const port of ports) await requireFreePort(host, port, 'CLUSTER_');
};

/**
 * Throws a user-facing error if a port of the vaults is in use. Nodes that an earlier run left must
 * have ended.
 */
export const requireFreeVaultPorts = async ({ nodes }: Layout): Promise<void> => {
  for (const { port } of nodes) await requireFreePort(host, port, 'CLUSTER_');
};

/** The list of all nodes in the format that each node reads: `1=HOST:ETCDPORT:PEERPORT,2=…`. */
export const nodesVariable = (nodes: readonly NodeLayout[]): string =>
  nodes
    .map(({ node, etcdPort, peerPort }) => `${node}=${hostOf(node)}:${etcdPort}:${peerPort}`)
    .join(',');
