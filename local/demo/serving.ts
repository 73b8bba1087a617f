/** Checks by the nodes' status whether they serve. */

import type { Nodes } from './nodes.ts';
import { becomesTrue } from './waiting.ts';

/** Whether these nodes serve, and have applied all revisions, within the limit. */
export const isServing = (
  nodes: Nodes,
  numbers: readonly number[],
  limitMs: number,
): Promise<boolean> =>
  becomesTrue(limitMs, async () => {
    const { nodes: all } = await nodes.status();
    const asked = all.filter(({ node }) => numbers.includes(node));
    return asked.every(({ alive, state, lag }) => alive && state === 'serving' && lag === 0);
  });

/** Whether all nodes reach one revision with one digest within the limit. */
export const isAtRest = (nodes: Nodes, limitMs: number): Promise<boolean> =>
  becomesTrue(limitMs, async () => {
    const { nodes: all, equal } = await nodes.status();
    const points = new Set(
      all.map(({ appliedRevision, digest }) => `${appliedRevision} ${digest}`),
    );
    return equal && points.size === 1 && all.every(({ alive }) => alive);
  });
