/** Three nodes and the network between them, as one thing to be opened and closed. */
import { closeAtEnd } from '../../../local/process/ending.ts';
import type { Hostility } from './hostility.ts';
import { createLoopback } from './loopback.ts';
import { createNamespaces } from './namespaces.ts';
import type { Network } from './network.ts';
import { type Nodes, startNodes } from './nodes.ts';

export type NetworkName = 'namespaces' | 'loopback';

/** Only root can make namespaces; what cuts nodes off without them closes connections, where a network loses packets. */
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
  /** Machines on the network beside those of the nodes. */
  readonly spare?: number;
  /** The folder with the code of the nodes; by default this checkout. */
  readonly code?: string;
};

const count = 3;

/** Makes what the nodes share; they are still to be started. */
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
