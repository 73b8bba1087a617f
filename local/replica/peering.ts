/** What a node says to its peers and hears from them: reports, places in the log, digests, snapshots. */
import type { Condition } from './condition.ts';
import type { NodeConfig } from './config.ts';
import { type Exchange, startExchange } from './exchange.ts';
import type { NodeMemory } from './memory.ts';
import { type AskPeer, createAskPeer, type PeerRoute, servePeers } from './peers.ts';
import { askForPlace, createPlaceGiver } from './places.ts';
import type { NodeReport } from './report.ts';
import { type Digests, sendSnapshot } from './snapshot.ts';

export type PeeringOptions = {
  readonly config: NodeConfig;
  readonly secret: string;
  readonly folder: string;
  readonly memory: NodeMemory;
  /** Told that the node has diverged, and how it fares in asking for a place. */
  readonly condition: Condition;
  readonly ownReport: () => NodeReport;
  /** The digest at a revision that this node has applied lately. */
  readonly findDigest: (revision: number) => string | undefined;
  /** Where its own member listens; `undefined` while it has no place in the log. */
  readonly findMember: () => string | undefined;
  readonly report: (line: string) => void;
  readonly signal: AbortSignal;
};

export type Peering = {
  readonly ask: AskPeer;
  /** The numbers of the other nodes. */
  readonly others: readonly number[];
  readonly exchange: Exchange;
  /** Asks the others for a new place in the log, until one gives it: all members, as etcd takes them. */
  readonly makeRoom: (why: string) => Promise<string>;
  readonly close: () => Promise<void>;
};

/** Returns when the peers can ask this node. */
export const startPeering = async (options: PeeringOptions): Promise<Peering> => {
  const { config, secret, folder, memory, condition, ownReport, findDigest, report } = options;
  const { node: own } = config;
  const ask = createAskPeer(config, secret);
  const others = config.nodes.map(({ node }) => node).filter((node) => node !== own);
  const exchange = startExchange({
    config,
    ask,
    memory,
    report: ownReport,
    findDigest,
    onDiverged: (why, undecided) => {
      memory
        .setDiverged(why, undecided)
        .catch((error) => report(`that it differs is not kept: ${error}`));
      condition.change('diverged', why);
    },
    onEqual: (why) => {
      memory.setEqual().catch((error) => report(`that it is equal is not kept: ${error}`));
      condition.rejoin(why);
    },
  });
  const givePlace = createPlaceGiver({
    config,
    findMember: options.findMember,
    onGiven: async (node) => {
      report(`node ${node} has a new place in the log`);
      await memory.forget(node);
    },
  });
  /** What a node holds that differs is no state to begin with, and confirms none. */
  const unlessDiverged =
    (route: PeerRoute): PeerRoute =>
    async (body, response) => {
      const difference = memory.diverged();
      if (difference !== undefined) throw new Error(`this node is diverged: ${difference}`);
      return await route(body, response);
    };
  const digestsAt = (revision: number): Digests => {
    const { content } = ownReport();
    const items = content?.revision === revision ? content.digest : null;
    return { digest: findDigest(revision) ?? null, items };
  };
  const peers = await servePeers(
    config,
    secret,
    new Map<string, PeerRoute>([
      ['GET /status', async () => JSON.stringify(ownReport())],
      ['POST /exchange', (body) => exchange.hear(body)],
      ['POST /place', givePlace],
      ['POST /digest', unlessDiverged(async (body) => JSON.stringify(digestsAt(Number(body))))],
      ['GET /snapshot', unlessDiverged((_, response) => sendSnapshot(folder, response))],
    ]),
  );
  return {
    ask,
    others,
    exchange,
    makeRoom: (why) => {
      condition.change('joining', why);
      const onRefused = (refused: string) =>
        condition.change('joining', `${why}; no place yet: ${refused}`);
      return askForPlace({ node: own, ask, others, onRefused, signal: options.signal });
    },
    close: async () => {
      await exchange.close();
      await peers.close();
    },
  };
};
