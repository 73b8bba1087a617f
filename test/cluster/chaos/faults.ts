/** What can happen to a node. */
import { existsSync, rmSync } from 'node:fs';
import type { CutKind, Network } from './network.ts';
import { copyFolder, type Nodes, type Part, parts } from './nodes.ts';

/** Makes a node suffer the fault. The returned function ends it. */
type Fault = (node: number) => Promise<() => void>;

const kinds = [
  ...(['kill-node', 'kill-vault', 'kill-etcd'] as const),
  ...(['pause-node', 'pause-vault', 'pause-etcd'] as const),
  ...(['cut-peers', 'cut-all', 'cut-mute', 'cut-pair'] as const),
  ...(['wipe', 'restore'] as const),
] as const;
export type FaultKind = (typeof kinds)[number];
export const faultKinds: readonly FaultKind[] = kinds;

/**
 * Whether the node loses data that it had acknowledged. It then needs all other nodes to get them
 * back.
 */
export const losesItsFolder = (kind: FaultKind): boolean => kind === 'wipe' || kind === 'restore';

/** Returns the kinds of faults that this network can cause. */
export const possibleKinds = (asked: readonly FaultKind[], { cutKinds }: Network): FaultKind[] =>
  asked.filter((kind) => !kind.startsWith('cut-') || cutKinds.some((cut) => kind === `cut-${cut}`));

export const createFaults = (
  nodes: Nodes,
  network: Network,
): Readonly<Record<FaultKind, Fault>> => {
  const startAgain = (node: number) => () => nodes.start(node);
  const killPart =
    (part: Part): Fault =>
    async (node) => {
      nodes.killPart(node, part);
      // The fault ends by itself: if the node ends because of the killed process, it is started
      // again as soon as it has ended.
      return () => undefined;
    };
  const pause =
    (...stopped: readonly Part[]): Fault =>
    async (node) =>
      nodes.pause(node, stopped);
  const cut =
    (kind: CutKind): Fault =>
    async (node) =>
      network.cut(kind, node);
  const copyOf = (node: number): string => `${nodes.folderOf(node)}.copy`;
  const replaceFolder = (node: number, by: string | undefined): void => {
    rmSync(nodes.folderOf(node), { recursive: true, force: true });
    if (by !== undefined) copyFolder(by, nodes.folderOf(node));
  };
  return {
    'kill-node': async (node) => {
      await nodes.kill(node);
      if (!existsSync(copyOf(node))) copyFolder(nodes.folderOf(node), copyOf(node));
      return startAgain(node);
    },
    'kill-vault': killPart('vault'),
    'kill-etcd': killPart('etcd'),
    'pause-node': pause(...parts),
    'pause-vault': pause('vault'),
    'pause-etcd': pause('etcd'),
    'cut-peers': cut('peers'),
    'cut-all': cut('all'),
    'cut-mute': cut('mute'),
    'cut-pair': cut('pair'),
    wipe: async (node) => {
      await nodes.kill(node);
      replaceFolder(node, undefined);
      return startAgain(node);
    },
    restore: async (node) => {
      await nodes.kill(node);
      replaceFolder(node, existsSync(copyOf(node)) ? copyOf(node) : undefined);
      return startAgain(node);
    },
  };
};
