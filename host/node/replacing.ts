/**
 * Replaces a member whose files are lost, old or damaged. The node asks another node, whose member
 * removes the lost member and then adds a new one. The order matters: if the new member came
 * first, a cluster of three would have four members and a majority of three, while only two run.
 * `askForMember` asks, and `createReplacer` answers.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { sentenceOf } from '../../system/failures.ts';
import type { ListedMember, MemberClient } from '../etcd/member-client.ts';
import { type Comparison, resultOf } from './comparing.ts';
import { nameOf, peerUrlOf } from './member.ts';
import { addressOf, type NodeConfig } from './node-config.ts';
import { nodeTimes } from './node-times.ts';
import type { PeerCall, PeerRoute } from './peers.ts';

/**
 * A node's request for a new member. `instead` is the id of the lost member. If it is absent, and
 * the node has a member that was started, that member is not replaced, and the answer is its id.
 */
const request = v.object({ node: v.number(), instead: v.optional(v.string()) });
type Request = v.InferOutput<typeof request>;

const newMember = v.object({
  /** All members in the format of etcd's option `initial-cluster`, including the new one. */
  cluster: v.string(),
});
type NewMember = v.InferOutput<typeof newMember>;
const answer = v.union([newMember, v.object({ member: v.string() })]);
type Answer = v.InferOutput<typeof answer>;

const deadline = (): number => performance.now() + nodeTimes.memberChangeMs;

const clusterOf = (members: readonly ListedMember[], url: string, node: number): string =>
  members
    .flatMap(({ name, peerURLs }) =>
      peerURLs.map((peerUrl) => `${peerUrl === url ? nameOf(node) : name}=${peerUrl}`),
    )
    .join(',');

export type ReplacerOptions = {
  readonly config: NodeConfig;
  /** The connection to the member of the node that answers the request. */
  readonly member: MemberClient;
  /** Compares this node's copy with those of all other nodes except `lost`. */
  readonly compareWithout: (lost: number) => Promise<Comparison>;
  /** Called with the number of a node that has got a new member. */
  readonly onReplaced: (node: number) => Promise<void>;
};

/**
 * Replaces the member of `node` if it still is `instead`, or adds one if the node has none. A
 * request that arrives late names a member that was replaced meanwhile, and changes nothing. A new
 * member that has not started yet is returned again.
 */
const replaceMember = async (
  { config, member, compareWithout }: ReplacerOptions,
  { node, instead }: Request,
): Promise<Answer> => {
  const url = peerUrlOf(addressOf(config, node));
  const members = await member.listMembers(deadline());
  // Finds the member by its name if the node's address has changed. A member that has not started
  // yet has no name.
  const old =
    members.find(({ peerURLs }) => peerURLs.includes(url)) ??
    members.find(({ name }) => name === nameOf(node));
  if (old?.name === '') return { cluster: clusterOf(members, url, node) };
  if (old !== undefined && old.ID !== instead) return { member: old.ID };
  // The node's address has changed, and its member under the old address has never started. An
  // operator must change that member's address, because an additional member would raise the
  // majority.
  if (old === undefined && members.length >= config.nodes.length) {
    throw new Error(`no member has the address ${url}: change it with etcdctl member update`);
  }
  // This node and those with equal data must form a majority of all nodes, not counting the lost
  // one. Otherwise a member that copies damaged data could outvote the sound ones.
  if (resultOf(await compareWithout(node)) !== 'equal') {
    throw new Error('the other nodes do not agree on the data, or too few of them answer');
  }
  if (old !== undefined) await member.removeMember(old.ID, deadline());
  return { cluster: clusterOf(await member.addMember(url, deadline()), url, node) };
};

/** Answers nodes that ask for a new member, one at a time. */
export const createReplacer = (options: ReplacerOptions): PeerRoute => {
  let replacing: Promise<unknown> = Promise.resolve();
  return async (body) => {
    const wanted = v.parse(request, JSON.parse(body));
    const next = replacing.then(() => replaceMember(options, wanted));
    replacing = next.catch(() => undefined);
    const answered = await next;
    if (!('cluster' in answered)) return JSON.stringify(answered);
    await options.onReplaced(wanted.node);
    return JSON.stringify(answered satisfies NewMember);
  };
};

export type AskForMemberOptions = {
  readonly node: number;
  readonly ask: PeerCall;
  readonly others: readonly number[];
  /** Called with the reason each time a node does not provide a new member. */
  readonly onRefused: (why: string) => void;
  readonly signal: AbortSignal;
};

/**
 * Asks the other nodes for a new member until one provides it. Call this only while this node's
 * etcd does not run. Rejects if the signal aborts.
 */
export const askForMember = async (options: AskForMemberOptions): Promise<NewMember> => {
  const { node, ask, others, onRefused, signal } = options;
  const askOne = async (other: number, instead?: string): Promise<NewMember> => {
    const body = JSON.stringify({ node, instead });
    const limits = { body, timeoutMs: nodeTimes.newMemberMs };
    const text = await ask(other, 'POST', '/member', limits);
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
    await sleep(nodeTimes.askForMemberEveryMs, undefined, { signal });
  }
};
