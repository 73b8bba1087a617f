/** A real etcd with three members, each in a folder of its own. */

import { connectMember, type MemberClient } from '../../host/etcd/member-client.ts';
import { type EtcdMember, startEtcdMember } from './etcd-member.ts';
import { findFreePorts } from './free-ports.ts';

export type EtcdCluster = {
  readonly members: readonly (EtcdMember & { readonly calls: MemberClient })[];
  readonly close: () => Promise<void>;
};

/** Starts etcd and waits until every member knows a leader. `more` has further options of etcd. */
export const startEtcdCluster = async (
  more: Readonly<Record<string, string>> = {},
): Promise<EtcdCluster> => {
  const names = ['one', 'two', 'three'];
  const ports = await findFreePorts(names.length);
  const urls = new Map(names.map((name, index) => [name, `http://127.0.0.1:${ports[index]}`]));
  const cluster = [...urls].map(([name, url]) => `${name}=${url}`).join();
  const members: EtcdCluster['members'][number][] = [];
  for (const [name, url] of urls) {
    const member = await startEtcdMember({
      name,
      'listen-peer-urls': url,
      'initial-advertise-peer-urls': url,
      'initial-cluster': cluster,
      'heartbeat-interval': '100',
      'election-timeout': '1000',
      ...more,
    });
    members.push({ ...member, calls: connectMember(member.address) });
  }
  for (const { untilThere, calls } of members) {
    await untilThere(() =>
      calls.status(performance.now() + 1_000).then(
        ({ hasLeader }) => hasLeader,
        () => false,
      ),
    );
  }
  return {
    members,
    close: async () => {
      for (const { calls } of members) calls.close();
      await Promise.all(members.map((member) => member.close()));
    },
  };
};
