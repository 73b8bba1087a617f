/**
 * What the story of `npm run demo` asks of a cluster, and waiting until its nodes serve. How the nodes run is in
 * processes.ts.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterStatus } from '../cluster/status.ts';

/** The scopes of the story's token, which are all that it needs. */
export const scopes = 'secrets:read secrets:write secrets:delete secrets:destroy';

export type Nodes = {
  /** The vaults' addresses, beginning with node 1. */
  readonly urls: readonly string[];
  /** Ends a node and its children at once, as a power cut would. */
  readonly kill: (node: number) => Promise<void>;
  /** Starts a node that was killed; does not wait until it serves. */
  readonly start: (node: number) => Promise<void>;
  readonly disableKey: () => Promise<void>;
  readonly enableKey: () => Promise<void>;
  readonly status: () => Promise<ClusterStatus>;
  /** A token with `scopes`, good for at least 20 minutes. */
  readonly tokenOf: (tenant: string) => Promise<string>;
  /** Ends the cluster, and removes everything that was made only for the demo. */
  readonly close: () => Promise<void>;
};

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

const pollMs = 50;

/**
 * Returns whether the condition comes true within the limit. The condition may throw, which counts as not yet
 * true.
 */
export const becomesTrue = async (
  limitMs: number,
  condition: () => Promise<boolean> | boolean,
): Promise<boolean> => {
  const until = performance.now() + limitMs;
  for (;;) {
    const isTrue = await Promise.resolve()
      .then(condition)
      .catch(() => false);
    if (isTrue || performance.now() > until) return isTrue;
    await sleep(pollMs);
  }
};

/** The numbers from 1 to `count`. */
export const countTo = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => index + 1);
