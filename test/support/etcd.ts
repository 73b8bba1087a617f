/** A log over a real etcd of one member, on a folder of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Etcd3 } from 'etcd3';
import { endChild, findFreePort, startChild } from '../../local/child.ts';
import { connectLog } from '../../local/replica/log.ts';
import { closedToPages, requireEtcd } from '../../local/replica/member.ts';
import type { LogUnderTest } from './log-contract.ts';

export type EtcdLog = LogUnderTest & {
  /** Writes to the key of the log what is no entry. */
  readonly spoil: () => Promise<void>;
};

/** `more`: further options of etcd. */
export const startEtcdLog = async (
  more: Readonly<Record<string, string>> = {},
): Promise<EtcdLog> => {
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
    ...closedToPages,
    'initial-cluster': `default=${peerUrl}`,
    logger: 'zap',
    'log-level': 'error',
    ...more,
  };
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const child = startChild('etcd', args, folder, { ETCD_UNSUPPORTED_ARCH: process.arch });
  child.stderr?.resume();
  const log = connectLog(`127.0.0.1:${client}`);
  const other = new Etcd3({ hosts: clientUrl });
  const isThere = () =>
    log.findEnd().then(
      () => true,
      () => false,
    );
  while (!(await isThere())) {
    if (child.exitCode !== null) throw new Error(`etcd ended with exit code ${child.exitCode}`);
  }
  return {
    log,
    writeElsewhere: async () => void (await other.put('elsewhere').value('x')),
    spoil: async () => void (await other.put('log').value('no entry')),
    loseMajority: () => endChild(child, 0),
    close: async () => {
      log.close();
      other.close();
      await endChild(child, 0);
      rmSync(folder, { recursive: true });
    },
  };
};
