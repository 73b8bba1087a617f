/** Opens and closes three nodes together with the network between them. */
import { closeAtEnd } from '../../../host/process/ending.ts';
import type { Hostility } from './hostility.ts';
import { createLoopback } from './loopback.ts';
import { createNamespaces } from './namespaces.ts';
import type { Network } from './network.ts';
import { type Nodes, startNodes } from './nodes.ts';

export type NetworkName = 'namespaces' | 'loopback';

/**
 * Only root can make namespaces. Without them, cutting a node off closes its connections, whereas a
 * real network would lose packets.
 */
export const bestNetwork = (): NetworkName =>
  process.getuid?.() === 0 && process.platform === 'linux' ? 'namespaces' : 'loopback';

export type Site = {
  readonly network: Network;
  readonly nodes: Nodes;
  readonly close: () => Promise<void>;
};

export type SiteOptions = {
  readonly folder: string;
  readonly network: NetworkName;
  readonly hostility?: Hostility;
  /** How many machines the network has beyond those of the nodes. */
  readonly spare?: number;
  /** The folder with the code of the nodes. By default it is this checkout. */
  readonly code?: string;
};

const count = 3;

/** Prepares the network and the nodes, but does not start the nodes. */
export const openSite = async (options: SiteOptions): Promise<Site> => {
  const { folder, hostility, code, spare = 0 } = options;
  const create = options.network === 'namespaces' ? createNamespaces : createLoopback;
  const network = await create(count + spare);
  let nodes: Nodes | undefined;
  const close = async (): Promise<void> => {
    takeBack();
    await nodes?.close();
    await network.close();
  };
  const takeBack = closeAtEnd(close);
  try {
    nodes = await startNodes({ folder, network, count, hostility, code });
    return { network, nodes, close };
  } catch (error) {
    await close();
    throw error;
  }
};
