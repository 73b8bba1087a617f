/** Places in the log: a peer with a majority makes room for a node whose member has lost its files. */
import { Etcd3, type IMember } from 'etcd3';
import type { NodeConfig } from './config.ts';
import { nameOf, peerUrlOf } from './member.ts';
import { addressOf } from './peers.ts';

const callMs = 3_000;
const within = () => ({ deadline: Date.now() + callMs });

/**
 * Replaces the member of `node` by a new one that is still to start; returns all members as etcd takes them
 * (`node-1=URL,…`). May be repeated: a place that nobody has taken yet is given again. Throws without a majority. One
 * at a time.
 */
export const makePlace = async (
  config: NodeConfig,
  member: string,
  node: number,
): Promise<string> => {
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
