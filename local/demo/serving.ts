/** Whether nodes are as they should be, as their status tells. */
import { isSoon } from './conditions.ts';
import type { Nodes } from './nodes.ts';

/** Whether these nodes come to serve, and have applied all that there is, within the limit. */
export const isServing = (
  nodes: Nodes,
  numbers: readonly number[],
  limitMs: number,
): Promise<boolean> =>
  isSoon(limitMs, async () => {
    const { nodes: all } = await nodes.status();
    const asked = all.filter(({ node }) => numbers.includes(node));
    return asked.every(({ alive, state, lag }) => alive && state === 'serving' && lag === 0);
  });

/** Whether all nodes come to one revision with one digest within the limit. */
export const isAtRest = (nodes: Nodes, limitMs: number): Promise<boolean> =>
  isSoon(limitMs, async () => {
    const { nodes: all, equal } = await nodes.status();
    const points = new Set(
      all.map(({ appliedRevision, digest }) => `${appliedRevision} ${digest}`),
    );
    return equal && points.size === 1 && all.every(({ alive }) => alive);
  });
