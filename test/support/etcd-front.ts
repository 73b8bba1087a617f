/** A front over a real etcd with one member, on its own folder. */
import { connectEtcd, type EtcdClient } from '../../local/etcd/etcd-client.ts';
import { createFront, type Front } from '../../local/etcd/front.ts';
import { startEtcdMember } from './etcd-member.ts';

export type EtcdFront = {
  readonly front: Front;
  readonly etcd: EtcdClient;
  /** `host:port` of its etcd. */
  readonly address: string;
  /** The reports of the front that its etcd went back. */
  readonly goneBack: readonly string[];
  readonly close: () => Promise<void>;
};

/** Starts etcd and waits until it answers. `wrap` adds a layer between the front and etcd. */
export const startEtcdFront = async (
  wrap: (etcd: EtcdClient) => EtcdClient = (etcd) => etcd,
): Promise<EtcdFront> => {
  const member = await startEtcdMember({
    'max-txn-ops': '2048',
    'max-request-bytes': String(8 * 1_048_576),
  });
  const etcd = connectEtcd(member.address);
  const goneBack: string[] = [];
  const front = createFront({
    client: wrap(etcd),
    timeToLiveAttribute: 'expiresAt',
    onGoneBack: (sentence) => goneBack.push(sentence),
  });
  // Answered only by etcd: there is no table yet.
  const ask = () => front('DescribeTable', { TableName: 'none' });
  await member.untilThere(async () => (await ask()).status === 400);
  return {
    front,
    etcd,
    address: member.address,
    goneBack,
    close: async () => {
      etcd.close();
      await member.close();
    },
  };
};
