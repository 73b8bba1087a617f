/** A log over a real etcd of one member, on a folder of its own. */
import { Etcd3 } from 'etcd3';
import { endChild } from '../../local/child.ts';
import { connectLog } from '../../local/replica/log.ts';
import { startEtcdMember } from './etcd-member.ts';
import type { LogUnderTest } from './log-contract.ts';

export type EtcdLog = LogUnderTest & {
  /** Writes to the key of the log what is no entry. */
  readonly spoil: () => Promise<void>;
};

/** `more`: further options of etcd. */
export const startEtcdLog = async (
  more: Readonly<Record<string, string>> = {},
): Promise<EtcdLog> => {
  const member = await startEtcdMember(more);
  const log = connectLog(member.address);
  const other = new Etcd3({ hosts: `http://${member.address}` });
  const isThere = () =>
    log.findEnd().then(
      () => true,
      () => false,
    );
  await member.untilThere(isThere);
  return {
    log,
    writeElsewhere: async () => void (await other.put('elsewhere').value('x')),
    spoil: async () => void (await other.put('log').value('no entry')),
    loseMajority: () => endChild(member.child, 0),
    close: async () => {
      log.close();
      other.close();
      await member.close();
    },
  };
};
