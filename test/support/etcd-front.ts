/** A front over a real etcd of one member, on a folder of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endChild, findFreePort, startChild } from '../../local/child.ts';
import { connectEtcd, type EtcdClient } from '../../local/etcd/client.ts';
import { createFront, type Front } from '../../local/etcd/front.ts';
import { requireEtcd } from '../../local/replica/member.ts';

export type EtcdFront = {
  readonly front: Front;
  readonly etcd: EtcdClient;
  /** The front's reports of an etcd that went back. */
  readonly goneBack: readonly string[];
  readonly close: () => Promise<void>;
};

/** Starts etcd and returns once it answers. `wrap` stands between the front and etcd. */
export const startEtcdFront = async (
  wrap: (etcd: EtcdClient) => EtcdClient = (etcd) => etcd,
): Promise<EtcdFront> => {
  requireEtcd();
  const folder = mkdtempSync(join(tmpdir(), 'vault-etcd-'));
  const [client, peer] = [await findFreePort(), await findFreePort()];
  const [clientUrl, peerUrl] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`];
  const options = {
    'data-dir': 'etcd',
    'listen-client-urls': clientUrl,
    'advertise-client-urls': clientUrl,
    'listen-peer-urls': peerUrl,
    'initial-advertise-peer-urls': peerUrl,
    'initial-cluster': `default=${peerUrl}`,
    'max-txn-ops': '2048',
    'max-request-bytes': String(8 * 1_048_576),
    logger: 'zap',
    'log-level': 'error',
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const child = startChild('etcd', args, folder, { ETCD_UNSUPPORTED_ARCH: process.arch });
  child.stderr?.resume();
  const etcd = connectEtcd(`127.0.0.1:${client}`);
  const goneBack: string[] = [];
  const front = createFront({
    client: wrap(etcd),
    timeToLiveAttribute: 'expiresAt',
    onGoneBack: (sentence) => goneBack.push(sentence),
  });
  const isThere = async () => (await front('ListTables', {})).status === 200;
  while (!(await isThere())) {
    if (child.exitCode !== null) throw new Error(`etcd ended with exit code ${child.exitCode}`);
  }
  return {
    front,
    etcd,
    goneBack,
    close: async () => {
      etcd.close();
      await endChild(child, 0);
      rmSync(folder, { recursive: true });
    },
  };
};
