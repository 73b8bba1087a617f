/**
 * The folders and the ports of a cluster on one machine; all parts listen on 127.0.0.1. Counted from the
 * first port, the vaults have the ports 0 to 2, etcd 10 to 12, and the node-to-node servers 20 to 22. etcd
 * remembers the ports of its members, so the folder keeps the ports of the first run; only the vaults may
 * move later.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { failure } from '../../system/failures.ts';
import { createFileOnce } from '../../system/files.ts';
import { isFree, requireFreePort } from '../process/ports.ts';
import { nodeNumbers } from './commands.ts';
import { hostOf } from './relay.ts';

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
  /** Holds what no node needs, as `init` makes it, and the master key. */
  readonly keyFolder: string;
  readonly clusterFile: string;
};

const firstPortPreset = 3_001;
const portsSpan = 23;
/**
 * Lies below the ports that systems give to outgoing connections: such a connection could hold a killed
 * node's port.
 */
const freeRange = { from: 10_000, to: 20_000 - portsSpan };

const portsFile = v.object({ firstPort: v.pipe(v.number(), v.integer(), v.minValue(1)) });

/**
 * Reads `CLUSTER_PORT`; 0 means any free ports. Returns `undefined` if it is not set. Throws a sentence if it
 * is not a port.
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
  throw failure(`no ${portsSpan} ports in a row are free on this machine: set CLUSTER_PORT`);
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

/** Returns the layout of the cluster in this folder, which is made at the first start. */
export const openLayout = async (folder: string, asked: number | undefined): Promise<Layout> => {
  const file = portsFileOf(folder);
  const fresh = asked === 0 ? await findFirstPort() : (asked ?? firstPortPreset);
  const kept = parsePorts(
    file,
    createFileOnce(file, () => JSON.stringify({ firstPort: fresh })),
  );
  return layoutOf(folder, asked || kept, kept);
};

/** `first` is the port of the first vault, and `kept` the first port of the first run. */
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
 * Throws a sentence if a port of a cluster in a new folder is taken. To be called before the folder is made,
 * because the first run decides about the ports of etcd.
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

/** Throws a sentence if a port of the vaults is taken. Nodes that an earlier run left must be gone. */
export const requireFreeVaultPorts = async ({ nodes }: Layout): Promise<void> => {
  for (const { port } of nodes) await requireFreePort(host, port, 'CLUSTER_');
};

/** The list of all nodes in the form that each node reads: `1=HOST:ETCDPORT:PEERPORT,2=…`. */
export const nodesVariable = (nodes: readonly NodeLayout[]): string =>
  nodes
    .map(({ node, etcdPort, peerPort }) => `${node}=${hostOf(node)}:${etcdPort}:${peerPort}`)
    .join(',');
