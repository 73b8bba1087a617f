/**
 * Decides when nodes have come to rest: all of them serve, at the same revision, with the same
 * digest of their data.
 */
import { until } from '../../support/until.ts';
import type { NodeStatus, Nodes } from './nodes.ts';

const describe = (node: number, status: NodeStatus | undefined): string =>
  status === undefined
    ? `node ${node} does not answer`
    : `node ${node} ${status.state} at ${status.appliedRevision}, digest ${JSON.stringify(status.digest)}` +
      (status.reason === null ? '' : `: ${status.reason}`);

/**
 * Waits until all nodes serve at the same revision with the same digest. Returns a description of
 * each node if that does not happen in time, or if one is found to differ, since that does not pass
 * by itself.
 */
export const settle = async (nodes: Nodes, limitMs: number): Promise<readonly string[]> => {
  let seen: readonly (NodeStatus | undefined)[] = [];
  const areAlike = (): boolean =>
    seen.every((one) => one?.state === 'serving' && one.digest?.revision === one.appliedRevision) &&
    new Set(seen.map((one) => JSON.stringify(one?.digest))).size === 1;
  const isDecided = async (): Promise<boolean> => {
    seen = await Promise.all(nodes.all.map(nodes.status));
    return areAlike() || seen.some((one) => one?.state === 'diverged');
  };
  await until(isDecided, limitMs).catch(() => undefined);
  return areAlike() ? [] : nodes.all.map((node) => describe(node, seen[node - 1]));
};
