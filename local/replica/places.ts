/** Places in the log: a peer with a majority makes room for a node whose member has lost its files. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Etcd3, type IMember } from 'etcd3';
import * as v from 'valibot';
import { sentenceOf } from '../command.ts';
import type { NodeConfig } from './config.ts';
import { nameOf, peerUrlOf } from './member.ts';
import { type AskPeer, addressOf, askText, type PeerRoute } from './peers.ts';

/** `instead`: of which member; asked without it, the node is told which one it has. */
const asked = v.object({ node: v.number(), instead: v.optional(v.string()) });

const callMs = 3_000;
const within = () => ({ deadline: Date.now() + callMs });

/** All members as etcd takes them (`node-1=URL,…`), with a place for the node; or which member the node has among them. */
const answer = v.union([v.object({ cluster: v.string() }), v.object({ member: v.string() })]);
type Answer = v.InferOutput<typeof answer>;

/**
 * Replaces the member of `node` by a new one that is still to start, if that member is `instead`, which the node knows
 * to be lost: a request that comes late, when the node has a place again, names one that is there no more, and changes
 * nothing. May be repeated: a place that nobody has taken yet is given again. Throws without a majority. One at a time.
 */
const makePlace = async (
  config: NodeConfig,
  member: string,
  { node, instead }: v.InferOutput<typeof asked>,
): Promise<Answer> => {
  const etcd = new Etcd3({ hosts: `http://${member}` });
  try {
    const url = peerUrlOf(addressOf(config, node));
    const { members } = await etcd.cluster.memberList({}, within());
    const old = members.find(({ peerURLs }) => peerURLs.includes(url));
    // A member that has not started yet has no name.
    if (old?.name === '') return { cluster: listOf(members, url, node) };
    if (old !== undefined && old.ID !== instead) return { member: old.ID };
    if (old !== undefined) await etcd.cluster.memberRemove({ ID: old.ID }, within());
    const added = await etcd.cluster.memberAdd({ peerURLs: [url] }, within());
    return { cluster: listOf(added.members, url, node) };
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

/** Answers nodes that ask for a place, one after the other. */
export const createPlaceGiver = ({ config, findMember, onGiven }: GivingOptions): PeerRoute => {
  let placing: Promise<unknown> = Promise.resolve();
  return async (body) => {
    const request = v.parse(asked, JSON.parse(body));
    const address = findMember();
    if (address === undefined) throw new Error('it is not in the log itself');
    const next = placing.then(() => makePlace(config, address, request));
    placing = next.catch(() => undefined);
    const given = await next;
    if ('cluster' in given) await onGiven(request.node);
    return JSON.stringify(given);
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
  const askOne = async (other: number, instead?: string): Promise<string> => {
    const body = JSON.stringify({ node, instead });
    const limits = { body, timeoutMs: givenWithinMs };
    const given = v.parse(answer, JSON.parse(await askText(ask, other, 'POST', '/place', limits)));
    if ('cluster' in given) return given.cluster;
    if (instead !== undefined) throw new Error(`the member is ${given.member} by now`);
    return await askOne(other, given.member);
  };
  for (;;) {
    for (const other of others) {
      const cluster = await askOne(other).catch(
        (error: unknown) => void onRefused(sentenceOf(error)),
      );
      if (cluster) return cluster;
    }
    await sleep(askEveryMs, undefined, { signal });
  }
};
