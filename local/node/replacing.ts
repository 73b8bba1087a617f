/**
 * Replacing a member whose files are lost. The node that lost them asks another node, whose member removes the lost one
 * and adds a new one: never the other way round, as four members need three.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { sentenceOf } from '../../system/failures.ts';
import type { ListedMember, MemberClient } from '../etcd/member-client.ts';
import { type Comparison, resultOf } from './comparing.ts';
import { nameOf, peerUrlOf } from './member.ts';
import { addressOf, type NodeConfig } from './node-config.ts';
import { type AskPeer, askText, type PeerRoute } from './peers.ts';

/** `instead`: the id of the lost member. Without it, the node is told which member it has. */
const request = v.object({ node: v.number(), instead: v.optional(v.string()) });
type Request = v.InferOutput<typeof request>;

/** The new member's cluster, or the id of the node's member. */
const given = v.object({
  /** All members as etcd's option `initial-cluster` has them, the new one among them. */
  cluster: v.string(),
});
type Given = v.InferOutput<typeof given>;
const answer = v.union([given, v.object({ member: v.string() })]);
type Answer = { readonly cluster: string } | { readonly member: string };

const callMs = 3_000;
const deadline = (): number => performance.now() + callMs;

const clusterOf = (members: readonly ListedMember[], url: string, node: number): string =>
  members
    .flatMap(({ name, peerURLs }) =>
      peerURLs.map((peerUrl) => `${peerUrl === url ? nameOf(node) : name}=${peerUrl}`),
    )
    .join(',');

export type GivingOptions = {
  readonly config: NodeConfig;
  /** This node's own member. */
  readonly member: MemberClient;
  /** Compares this node's copy with those of all other nodes but `lost`. */
  readonly compareWithout: (lost: number) => Promise<Comparison>;
  /** Gets the number of a node that has a new member. */
  readonly onReplaced: (node: number) => Promise<void>;
};

/**
 * Replaces the member of `node`, if it is `instead`. A request that arrives late names a member that is gone, and
 * changes nothing. A new member that has not started yet is given again.
 */
const replaceMember = async (
  { config, member, compareWithout }: GivingOptions,
  { node, instead }: Request,
): Promise<Answer> => {
  const url = peerUrlOf(addressOf(config, node));
  const members = await member.listMembers(deadline());
  // By its name if the node has another address than before; a member that has not started yet has no name.
  const old =
    members.find(({ peerURLs }) => peerURLs.includes(url)) ??
    members.find(({ name }) => name === nameOf(node));
  if (old?.name === '') return { cluster: clusterOf(members, url, node) };
  if (old !== undefined && old.ID !== instead) return { member: old.ID };
  // The member of a node whose address has changed before it started: one more member would raise the majority.
  if (old === undefined && members.length >= config.nodes.length) {
    throw new Error(`no member has the address ${url}: change it with etcdctl member update`);
  }
  // This node and its equals must be a majority of all nodes without the lost one: a member that copies damaged data
  // would outvote the sound ones.
  if (resultOf(await compareWithout(node)) !== 'equal') {
    throw new Error('the other nodes do not agree on the data, or too few of them answer');
  }
  if (old !== undefined) await member.removeMember(old.ID, deadline());
  return { cluster: clusterOf(await member.addMember(url, deadline()), url, node) };
};

/** Answers nodes that ask for a new member, one after the other. */
export const createReplacer = (options: GivingOptions): PeerRoute => {
  let replacing: Promise<unknown> = Promise.resolve();
  return async (body) => {
    const asked = v.parse(request, JSON.parse(body));
    const next = replacing.then(() => replaceMember(options, asked));
    replacing = next.catch(() => undefined);
    const answered = await next;
    if (!('cluster' in answered)) return JSON.stringify(answered);
    await options.onReplaced(asked.node);
    return JSON.stringify(answered satisfies Given);
  };
};

export type AskingOptions = {
  readonly node: number;
  readonly ask: AskPeer;
  readonly others: readonly number[];
  /** Gets the reason each time that a node has given no new member. */
  readonly onRefused: (why: string) => void;
  readonly signal: AbortSignal;
};

const askEveryMs = 500;
const givenWithinMs = 15_000;

/**
 * Asks the other nodes for a new member until one gives it. To be called only while this node's etcd does not run.
 * Rejects if the signal aborts.
 */
export const askForMember = async (options: AskingOptions): Promise<Given> => {
  const { node, ask, others, onRefused, signal } = options;
  const askOne = async (other: number, instead?: string): Promise<Given> => {
    const body = JSON.stringify({ node, instead });
    const limits = { body, timeoutMs: givenWithinMs };
    const text = await askText(ask, other, 'POST', '/member', limits);
    const answered = v.parse(answer, JSON.parse(text));
    if ('cluster' in answered) return answered;
    if (instead !== undefined) throw new Error(`the member is ${answered.member} by now`);
    return await askOne(other, answered.member);
  };
  for (;;) {
    for (const other of others) {
      const found = await askOne(other).catch(
        (error: unknown) => void onRefused(sentenceOf(error)),
      );
      if (found) return found;
    }
    await sleep(askEveryMs, undefined, { signal });
  }
};
