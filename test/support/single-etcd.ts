/** A real etcd with one member, on its own folder, and a connection to it. */
import { connectEtcd, type EtcdClient, hasMajority } from '../../local/etcd/etcd-client.ts';
import { startEtcdMember } from './etcd-member.ts';

export type SingleEtcd = {
  readonly client: EtcdClient;
  /** `host:port` of its client port. */
  readonly address: string;
  readonly close: () => Promise<void>;
};

/** Starts etcd as a node does, and waits until it answers. */
export const startSingleEtcd = async (): Promise<SingleEtcd> => {
  const { address, untilThere, close } = await startEtcdMember({
    'max-txn-ops': '2048',
    'max-request-bytes': String(8 * 1_048_576),
  });
  const client = connectEtcd(address);
  await untilThere(() => hasMajority(client, 1_000));
  return {
    ...{ client, address },
    close: async () => {
      client.close();
      await close();
    },
  };
};
