/**
 * What the other nodes and `npm run cluster -- status` can request from a node: its report, a hash
 * of its copy, a new member.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Exchange } from './exchange.ts';
import type { Hashing } from './hashing.ts';
import { nodeTimes } from './node-times.ts';
import type { PeerRoute } from './peers.ts';
import { createReplacer, type ReplacerOptions } from './replacing.ts';
import type { NodeReport } from './report.ts';

export type RouteOptions = {
  readonly ownReport: () => NodeReport;
  readonly exchange: Pick<Exchange, 'receive'>;
  readonly hashing: Pick<Hashing, 'at' | 'forStatus'>;
  readonly replacing: ReplacerOptions;
};

/** Creates the routes that `servePeers` of peers.ts serves to the other nodes. */
export const routesOf = (options: RouteOptions): ReadonlyMap<string, PeerRoute> => {
  const { ownReport, exchange, hashing, replacing } = options;
  /**
   * Includes a hash of the latest revision, so that somebody who asks all nodes can compare them.
   */
  const freshReport = async (): Promise<NodeReport> => {
    // An etcd without a majority may not answer at all, but the node must still say why it does not
    // serve.
    await Promise.race([
      hashing.forStatus(),
      sleep(nodeTimes.freshReportMs, undefined, { ref: false }),
    ]);
    return ownReport();
  };
  return new Map<string, PeerRoute>([
    ['GET /report', async () => JSON.stringify(ownReport())],
    ['POST /report', (body) => exchange.receive(body)],
    ['GET /status', async () => JSON.stringify(await freshReport())],
    ['POST /hash', async (body) => JSON.stringify(await hashing.at(JSON.parse(body).revision))],
    ['POST /member', createReplacer(replacing)],
  ]);
};
