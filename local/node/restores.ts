/**
 * Telling the data of before a restore from the data of after it. Each restore has an id, which the nodes keep and
 * report. Files of another restore are of another cluster, whatever the nodes had heard of each other there.
 */
import type { NodeReport } from './report.ts';

type Reported = Pick<NodeReport, 'node' | 'restore' | 'member'>;

/**
 * Why a node's data are given up, if a majority of all `count` nodes are members with the data of one other restore;
 * else `undefined`. So one node that was left out, or that alone was restored, follows the others.
 */
export const findOtherRestore = (
  restore: string,
  peers: readonly Reported[],
  count: number,
): string | undefined => {
  const others = peers.filter((peer) => peer.member && peer.restore !== restore);
  for (const { restore: other } of others) {
    const nodes = others.filter((peer) => peer.restore === other).map(({ node }) => node);
    if (nodes.length > count / 2) return describeOtherRestore(nodes);
  }
  return undefined;
};

/** A sentence about nodes that hold the data of another restore. */
export const describeOtherRestore = (nodes: readonly number[]): string => {
  const [verb, names] = [nodes.length > 1 ? 'hold' : 'holds', nodes.join(' and ')];
  return `node ${names} ${verb} the data of another restore than this node`;
};
