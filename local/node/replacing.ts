/**
 * Replacing a member whose files are lost or damaged. The node asks another node, whose member removes the
 * lost one and adds a new one: never the other way round, as four members need three. `askForMember` asks,
 * `createReplacer` answers, and `createDamageFinder` decides whether etcd ends again and again because its
 * files are damaged.
 */
import { X509Certificate } from 'node:crypto';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { sentenceOf } from '../../system/failures.ts';
import type { ListedMember, MemberClient } from '../etcd/member-client.ts';
import type { TlsFiles } from '../http/tls.ts';
import { isFree } from '../process/ports.ts';
import { type Comparison, resultOf } from './comparing.ts';
import { minorOf } from './etcd-version.ts';
import { nameOf, peerUrlOf } from './member.ts';
import { type LastService, memberFiles } from './member-files.ts';
import { addressOf, type NodeConfig } from './node-config.ts';
import { nodeTimes } from './node-times.ts';
import type { PeerCall, PeerRoute } from './peers.ts';

/** `instead`: the id of the lost member. Without it, the answer is the id of the node's member. */
const request = v.object({ node: v.number(), instead: v.optional(v.string()) });
type Request = v.InferOutput<typeof request>;

const newMember = v.object({
  /** All members as etcd's option `initial-cluster` has them, the new one among them. */
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
  /** This node's own member. */
  readonly member: MemberClient;
  /** Compares this node's copy with those of all other nodes but `lost`. */
  readonly compareWithout: (lost: number) => Promise<Comparison>;
  /** Called with the number of a node that has a new member. */
  readonly onReplaced: (node: number) => Promise<void>;
};

/**
 * Replaces the member of `node`, if it is `instead`. A request that arrives late names a member that is gone,
 * and changes nothing. A new member that has not started yet is given again.
 */
const replaceMember = async (
  { config, member, compareWithout }: ReplacerOptions,
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
  // The member of a node whose address has changed before it started: one more member would raise the
  // majority.
  if (old === undefined && members.length >= config.nodes.length) {
    throw new Error(`no member has the address ${url}: change it with etcdctl member update`);
  }
  // This node and its equals must be a majority of all nodes without the lost one: a member that copies
  // damaged data would outvote the sound ones.
  if (resultOf(await compareWithout(node)) !== 'equal') {
    throw new Error('the other nodes do not agree on the data, or too few of them answer');
  }
  if (old !== undefined) await member.removeMember(old.ID, deadline());
  return { cluster: clusterOf(await member.addMember(url, deadline()), url, node) };
};

/** Answers nodes that ask for a new member, one after the other. */
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
  /** Called with the reason each time that a node has given no new member. */
  readonly onRefused: (why: string) => void;
  readonly signal: AbortSignal;
};

/**
 * Asks the other nodes for a new member until one gives it. To be called only while this node's etcd does not
 * run. Rejects if the signal aborts.
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

export type DamageOptions = {
  /** The etcd that last served these files. */
  readonly findServed: () => LastService | undefined;
  /** A sentence about an obstacle for every etcd here. */
  readonly findObstacle: () => Promise<string | undefined>;
  /**
   * Starts etcd with the node's settings on an empty folder. Resolves to its version; rejects if it does not
   * serve.
   */
  readonly tryEmptyFolder: () => Promise<string>;
  /**
   * Whether the other nodes are a majority with equal data, at this revision or a later one. Two nodes with
   * old copies are equal too, and then this node's files hold what they lack.
   */
  readonly doOthersAgree: (revision: number) => Promise<boolean>;
};

export type DamageFinder = {
  /**
   * To be called each time that etcd has ended by itself, with what the system refused to it. Resolves to a
   * sentence that says why the files may be sound, or to `undefined` if they are damaged.
   */
  readonly findDoubt: (refusal: string | undefined) => Promise<string | undefined>;
  /** etcd serves: only what happens from now on counts. */
  readonly forget: () => void;
};

const endingsMin = 3;

export const createDamageFinder = (options: DamageOptions): DamageFinder => {
  const { findServed, findObstacle, tryEmptyFolder, doOthersAgree } = options;
  let endings = 0;
  let hasTried = false;
  const forget = (): void => {
    endings = 0;
    hasTried = false;
  };
  const look = async (): Promise<string | undefined> => {
    const served = findServed();
    if (served === undefined) return 'no etcd has served these files yet';
    const hadTried = hasTried;
    hasTried = false;
    const obstacle = await findObstacle();
    if (obstacle !== undefined) return obstacle;
    if (!hadTried) {
      const release = minorOf(await tryEmptyFolder());
      if (release !== served.release) {
        return `etcd ${served.release} last served them, and this is ${release}`;
      }
    }
    hasTried = true;
    // An obstacle may have passed just before the try, so one more ending must follow it.
    if (!hadTried) return 'it serves an empty folder, and has one more try with its files';
    return (await doOthersAgree(served.revision))
      ? undefined
      : `the other nodes are no majority with equal data of revision ${served.revision} or later`;
  };
  return {
    forget,
    findDoubt: async (refusal) => {
      if (refusal !== undefined) {
        forget();
        return `the system said: ${refusal}`;
      }
      endings += 1;
      return endings + 1 < endingsMin
        ? 'it has ended for the first time'
        : await look().catch((error: unknown) => sentenceOf(error));
    },
  };
};

export type PlaceOptions = {
  readonly config: NodeConfig;
  readonly folder: string;
  readonly tls: TlsFiles;
};

/**
 * A sentence about an obstacle that would keep every etcd from starting here. Throws for a file that cannot
 * be opened.
 */
export const findObstacle = async (options: PlaceOptions): Promise<string | undefined> => {
  const { config, folder, tls } = options;
  const entries = readdirSync(memberFiles(folder), { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (entry.isFile()) closeSync(openSync(join(entry.parentPath, entry.name), 'r+'));
  }
  const { etcdPort } = addressOf(config, config.node);
  if (!(await isFree(etcdPort, config.peerHost))) return `port ${etcdPort} is taken`;
  for (const pem of [tls.ca, tls.certificate]) {
    const { validFrom, validTo } = new X509Certificate(pem);
    const isValid = Date.parse(validFrom) <= Date.now() && Date.now() < Date.parse(validTo);
    if (!isValid) return `its certificate is valid from ${validFrom} to ${validTo}`;
  }
  return undefined;
};
