/** Places in the log: a peer with a majority makes room for a node whose member has lost its files. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Etcd3, type IMember } from 'etcd3';
import { sentenceOf } from '../command.ts';
import type { NodeConfig } from './config.ts';
import { nameOf, peerUrlOf } from './member.ts';
import { type AskPeer, addressOf, askText, type PeerRoute } from './peers.ts';

const callMs = 3_000;
const within = () => ({ deadline: Date.now() + callMs });

/**
 * Replaces the member of `node` by a new one that is still to start; returns all members as etcd takes them
 * (`node-1=URL,…`). May be repeated: a place that nobody has taken yet is given again. Throws without a majority. One
 * at a time.
 */
const makePlace = async (config: NodeConfig, member: string, node: number): Promise<string> => {
  const etcd = new Etcd3({ hosts: `http://${member}` });
  try {
    const url = peerUrlOf(addressOf(config, node));
    const { members } = await etcd.cluster.memberList({}, within());
    const old = members.find(({ peerURLs }) => peerURLs.includes(url));
    // A member that has not started yet has no name.
    if (old?.name === '') return listOf(members, url, node);
    if (old !== undefined) await etcd.cluster.memberRemove({ ID: old.ID }, within());
    const added = await etcd.cluster.memberAdd({ peerURLs: [url] }, within());
    return listOf(added.members, url, node);
  } finally {
    etcd.close();
  }
};

const listOf = (members: readonly IMember[], url: string, node: number): string =>
  members
    .flatMap(({ name, peerURLs }) =>
      peerURLs.map((peerUrl) => `${peerUrl === url ? nameOf(node) : name}=${peerUrl}`),
    )
    .join(',');

export type GivingOptions = {
  readonly config: NodeConfig;
  /** Where its own member listens; `undefined` while it has no place itself. */
  readonly findMember: () => string | undefined;
  /** Gets the number of a node that has a new place. */
  readonly onGiven: (node: number) => Promise<void>;
};

/** Answers nodes that ask for a place with all members, one node after the other. */
export const createPlaceGiver = ({ config, findMember, onGiven }: GivingOptions): PeerRoute => {
  let placing: Promise<unknown> = Promise.resolve();
  return async (body, response) => {
    const { node } = JSON.parse(body);
    const address = findMember();
    if (address === undefined) throw new Error('it is not in the log itself');
    const next = placing.then(() => {
      // Who has given up waiting may have found a place elsewhere, which this would take away.
      if (response.destroyed) throw new Error('nobody waits for it any more');
      return makePlace(config, address, Number(node));
    });
    placing = next.catch(() => undefined);
    const cluster = await next;
    await onGiven(Number(node));
    return cluster;
  };
};

export type AskingOptions = {
  readonly node: number;
  readonly ask: AskPeer;
  readonly others: readonly number[];
  /** Gets why there is no place yet, each time that a node has given none. */
  readonly onRefused: (why: string) => void;
  readonly signal: AbortSignal;
};

const askEveryMs = 500;
const givenWithinMs = 10_000;

/** Asks the other nodes in turn until one gives a place: all members, as etcd takes them. Rejects with the signal. */
export const askForPlace = async (options: AskingOptions): Promise<string> => {
  const { node, ask, others, onRefused, signal } = options;
  const body = JSON.stringify({ node });
  const limits = { body, timeoutMs: givenWithinMs };
  for (;;) {
    for (const other of others) {
      const cluster = await askText(ask, other, 'POST', '/place', limits).catch(
        (error: unknown) => void onRefused(sentenceOf(error)),
      );
      if (cluster) return cluster;
    }
    await sleep(askEveryMs, undefined, { signal });
  }
};
