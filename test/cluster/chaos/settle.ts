/** When nodes have come to rest: all serve, at one revision with one digest of all that they hold. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeStatus } from './node-status.ts';
import type { Nodes } from './nodes.ts';

/** Waits until `holds`; `false` if it does not in time. */
export const inTime = async (limitMs: number, holds: () => Promise<boolean>): Promise<boolean> => {
  for (const until = Date.now() + limitMs; Date.now() < until; await sleep(250)) {
    if (await holds()) return true;
  }
  return false;
};

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
  const settled = await inTime(limitMs, async () => {
    seen = await Promise.all(nodes.all.map(nodes.status));
    if (seen.some((status) => status?.state === 'diverged')) return true;
    const isKnown = seen.every(
      (status) => status?.state === 'serving' && status.digest?.revision === status.appliedRevision,
    );
    return isKnown && new Set(seen.map((status) => JSON.stringify(status?.digest))).size === 1;
  });
  return settled && seen.every((status) => status?.state === 'serving')
    ? []
    : nodes.all.map((node) => describe(node, seen[node - 1]));
};
