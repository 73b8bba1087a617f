/** A real etcd with one member, in a temporary folder, and a connection to it. */
import { connectEtcd, type EtcdClient, hasMajority } from '../../host/etcd/etcd-client.ts';
import { startEtcdMember } from './etcd-member.ts';

export type SingleEtcd = {
  readonly client: EtcdClient;
  /** The client address, as `host:port`. */
  readonly address: string;
  readonly close: () => Promise<void>;
};

/** Starts etcd with the options that a node uses, and waits until it answers. */
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
