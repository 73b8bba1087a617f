/** When nodes have come to rest: all serve, at one revision with one digest of all that they hold. */
import { until } from '../../support/until.ts';
import type { NodeStatus, Nodes } from './nodes.ts';

const describe = (node: number, status: NodeStatus | undefined): string =>
  status === undefined
    ? `node ${node} does not answer`
    : `node ${node} ${status.state} at ${status.appliedRevision}, digest ${JSON.stringify(status.digest)}` +
      (status.reason === null ? '' : `: ${status.reason}`);

/**
 * Waits until all nodes serve, at one revision with one digest. Says how they are instead if they do not in time, or if
 * one is found to differ, which does not pass.
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
