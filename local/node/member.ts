/**
 * A node's member of the cluster: its etcd, kept running. The files of a member must never go back in time, as the
 * others count on what it acknowledged. A member that has lost anything is replaced by a new one.
 */
import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { failure } from '../../system/failures.ts';
import type { TlsFiles } from '../cluster/cluster-file.ts';
import { type LogFile, openLogFile } from '../cluster/log-file.ts';
import { residentBytesOf } from '../host/running.ts';
import { hasProgram, startChild, supervise } from '../host/supervisor.ts';
import { addressOf, type NodeAddress, type NodeConfig } from './config.ts';
import { peerTlsOptions, writePeerTls } from './etcd-certificates.ts';
import { findLostWords, putAside, removeAside } from './member-files.ts';
import { etcdHeapOf, etcdQuotaOf } from './space.ts';

export type MemberOptions = {
  readonly config: NodeConfig;
  readonly folder: string;
  /** Members of two clusters never speak with each other. */
  readonly clusterId: string;
  readonly tls: TlsFiles;
  /**
   * Asks another node for a new member in place of this node's, until one is given. Resolves to all members as etcd's
   * option `initial-cluster` has them. Rejects when the node is closed.
   */
  readonly askForMember: (why: string) => Promise<string>;
  /** Is called each time that etcd is started again. */
  readonly onRestart: () => void;
  readonly report: (line: string) => void;
  /** Gets the reason if etcd cannot be kept running. */
  readonly onFailed: (error: unknown) => void;
};

export type Member = {
  /** The bytes of memory that its etcd holds; `null` if the system does not tell. */
  readonly memoryBytes: () => number | null;
  readonly close: () => Promise<void>;
};

const graceMs = 2_000;
const restartFirstMs = 50;
const restartLastMs = 5_000;
const lastMax = 300;
const logBytesMax = 1_048_576;
/** The largest socket path of a system that allows the least. */
const socketPathMax = 103;

export const nameOf = (node: number): string => `node-${node}`;
export const peerUrlOf = ({ host, etcdPort }: NodeAddress): string => `https://${host}:${etcdPort}`;

/** All nodes as etcd's option `initial-cluster` has them. */
const clusterOf = ({ nodes }: NodeConfig): string =>
  nodes.map((one) => `${nameOf(one.node)}=${peerUrlOf(one)}`).join(',');

/** Throws a sentence if there is no etcd, or if this system cannot run a node. */
export const requireEtcd = (): void => {
  if (process.platform === 'win32') {
    throw failure(
      'a node of a cluster does not run on Windows, which lacks its sockets and signals: run it on Linux or macOS, or ' +
        'in WSL; npm start serves one vault on Windows',
    );
  }
  if (hasProgram('etcd')) return;
  throw failure('etcd is not on the PATH: install it (Debian: apt-get install etcd-server)');
};

/** etcd wants a port in the name of a socket; it has no meaning. */
const socketName = 'etcd.client:1';

/** The gRPC address of the etcd of the node in `folder`. Throws a sentence if the path is too long for a socket. */
export const memberAddress = (folder: string): string => {
  const path = join(folder, socketName);
  if (Buffer.byteLength(path) <= socketPathMax) return `unix:${path}`;
  throw failure(
    `the path of the node's folder ${folder} is too long for a socket in it: set VAULT_DATA_DIR to a shorter one`,
  );
};

type Membership = { readonly cluster: string; readonly state: 'new' | 'existing' };

const argumentsOf = (
  { config, clusterId }: MemberOptions,
  { cluster, state }: Membership,
): readonly string[] => {
  const own = addressOf(config, config.node);
  return Object.entries({
    name: nameOf(config.node),
    'data-dir': 'etcd',
    'listen-peer-urls': `https://${config.peerHost}:${own.etcdPort}`,
    'initial-advertise-peer-urls': peerUrlOf(own),
    ...peerTlsOptions,
    // Only this node speaks with its member, over a socket in its own folder. etcd must advertise some address.
    'listen-client-urls': `unix://${socketName}`,
    'advertise-client-urls': 'http://127.0.0.1:1',
    'enable-grpc-gateway': 'false',
    'initial-cluster': cluster,
    'initial-cluster-state': state,
    'initial-cluster-token': clusterId,
    'max-txn-ops': '2048',
    'max-request-bytes': String(8 * 1_048_576),
    'quota-backend-bytes': String(etcdQuotaOf(config.quotaBytes)),
    'heartbeat-interval': '100',
    'election-timeout': '1000',
    'pre-vote': 'true',
    'snapshot-count': '10000',
    // This check of etcd refuses a new member for long after faults. The rules of replacement.ts take its part.
    'strict-reconfig-check': 'false',
    logger: 'zap',
    'log-level': 'warn',
  }).map(([name, value]) => `--${name}=${value}`);
};

/**
 * Keeps what etcd writes to stderr in `etcd.log`. The result finds the reason why etcd cannot use its files, if a line
 * gave one. A long dump may come after that line.
 */
const listenTo = ({ stderr }: ChildProcess, log: LogFile): (() => string | undefined) => {
  let lost: string | undefined;
  if (stderr) {
    stderr.on('data', (chunk: Buffer) => log.write(chunk));
    createInterface({ input: stderr }).on('line', (line) => {
      lost ??= findLostWords(line);
    });
  }
  return () => lost;
};

/**
 * Starts the member and keeps it running. `lost`: why files that are there must not be used, and a new member is needed.
 * Without `lost` and without files, all nodes make a new cluster together.
 */
export const startMember = async (
  options: MemberOptions,
  lost: string | undefined,
): Promise<Member> => {
  const { config, folder, tls, askForMember, onRestart, report, onFailed } = options;
  writePeerTls(folder, tls);
  const { peerProxy: proxy } = config;
  const environment = {
    ETCD_UNSUPPORTED_ARCH: process.arch,
    // Fewer collections of garbage for more memory: a fifth less processor time.
    GOGC: '400',
    GOMEMLIMIT: String(etcdHeapOf(config.quotaBytes)),
    ...(proxy && { HTTPS_PROXY: proxy.href }),
  };
  let membership: Membership = { cluster: clusterOf(config), state: 'new' };

  const replace = async (why: string): Promise<void> => {
    // First of all: another node may remove the member at once, and no later start may begin with its files.
    putAside(folder);
    const cluster = await askForMember(why);
    removeAside(folder);
    membership = { cluster, state: 'existing' };
  };
  if (lost !== undefined) await replace(lost);
  const log = openLogFile(join(folder, 'etcd.log'), logBytesMax);
  let pid: number | undefined;
  let findLost: () => string | undefined = () => undefined;
  let waitMs = restartFirstMs;

  const { failed, close } = await supervise({
    pidFile: join(folder, 'etcd.pid'),
    launch: () => {
      // A member that was killed leaves its socket behind, and etcd does not take it over.
      rmSync(join(folder, socketName), { force: true });
      const child = startChild('etcd', argumentsOf(options, membership), folder, environment);
      pid = child.pid;
      findLost = listenTo(child, log);
      return child;
    },
    graceMs,
    onEnd: async ({ how, lastWords, ranMs }) => {
      onRestart();
      const why = findLost();
      if (why !== undefined) {
        report(`etcd cannot use its files (${why}); this node asks for a new member`);
        await replace(`its etcd said: ${why}`);
      } else {
        const last = how.startsWith('exit code') ? lastWords.slice(0, lastMax) : '';
        const words = last && ` (it said: ${last})`;
        report(`etcd ended (${how}); it is started again${words}`);
      }
      const now = ranMs > restartLastMs ? restartFirstMs : waitMs;
      waitMs = Math.min(restartLastMs, now * 2);
      return now;
    },
  });
  void failed.then(onFailed);
  return {
    memoryBytes: () => (pid === undefined ? null : residentBytesOf(pid)),
    close: async () => {
      await close();
      log.close();
    },
  };
};
