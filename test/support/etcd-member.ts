/** A real etcd with one member, in a temporary folder. */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireEtcd } from '../../host/node/member.ts';
import { findFreePort } from '../../host/process/ports.ts';
import { endChild, startChild } from '../../host/process/supervisor.ts';

export type EtcdMember = {
  /** The client address, as `host:port`. */
  readonly address: string;
  readonly child: ChildProcess;
  /** Waits until `isThere` returns true. Throws if etcd ends first. */
  readonly untilThere: (isThere: () => Promise<boolean>) => Promise<void>;
  /** Ends etcd and removes its folder. */
  readonly close: () => Promise<void>;
};

/** Starts etcd, but does not wait until it answers. `more` has further options of etcd. */
export const startEtcdMember = async (
  more: Readonly<Record<string, string>>,
): Promise<EtcdMember> => {
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
    'enable-grpc-gateway': 'false',
    logger: 'zap',
    'log-level': 'error',
    ...more,
  };
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const child = startChild('etcd', args, folder, { ETCD_UNSUPPORTED_ARCH: process.arch });
  child.stderr?.resume();
  return {
    address: `127.0.0.1:${client}`,
    child,
    untilThere: async (isThere) => {
      while (!(await isThere())) {
        if (child.exitCode !== null) throw new Error(`etcd ended with exit code ${child.exitCode}`);
      }
    },
    close: async () => {
      await endChild(child, 0);
      rmSync(folder, { recursive: true });
    },
  };
};
