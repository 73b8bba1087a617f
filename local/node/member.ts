/**
 * A node's member of the cluster: its etcd, kept running. The files of a member must never go back in time,
 * as the others count on what it acknowledged. A member that has lost anything is replaced by a new one.
 */
import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { failure } from '../../system/failures.ts';
import { findProgram } from '../../system/programs.ts';
import type { TlsFiles } from '../http/tls.ts';
import { type LogFile, openLogFile } from '../process/log-file.ts';
import { residentBytesOf } from '../process/process-record.ts';
import { startChild, supervise } from '../process/supervisor.ts';
import { peerTlsOptions, putAside, writePeerTls } from './member-files.ts';
import { addressOf, type NodeAddress, type NodeConfig } from './node-config.ts';
import { nodeTimes } from './node-times.ts';
import { etcdHeapOf, etcdQuotaOf } from './space.ts';

export type MemberOptions = {
  readonly config: NodeConfig;
  readonly folder: string;
  /** Members of two clusters never speak with each other. */
  readonly clusterId: string;
  readonly tls: TlsFiles;
  /**
   * Gets a new member in place of this node's, whose files are put aside. Resolves to all members as etcd's
   * option `initial-cluster` has them. Rejects when the node is closed.
   */
  readonly onLost: (why: string) => Promise<string>;
  /** Called with a sentence about each ending of etcd, which is started again. */
  readonly onEnded: (how: string) => void;
  /**
   * Called at each ending of etcd by itself, with what the system refused to etcd. Resolves to why its files may
   * be sound, or to `undefined` if a new member is needed.
   */
  readonly findDoubt: (refusal: string | undefined) => Promise<string | undefined>;
  readonly report: (line: string) => void;
  /** Called with the reason if etcd cannot be kept running. */
  readonly onFailed: (error: unknown) => void;
};

export type Member = {
  /** The bytes of memory that its etcd holds; `null` if the system does not tell. */
  readonly memoryBytes: () => number | null;
  readonly close: () => Promise<void>;
};

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
  if (findProgram('etcd') !== undefined) return;
  throw failure('etcd is not on the PATH: install it (Debian: apt-get install etcd-server)');
};

/** etcd wants a port in the name of a socket; it has no meaning. */
const socketName = 'etcd.client:1';

/**
 * The gRPC address of the etcd of the node in `folder`. Throws a sentence if the path is too long for a
 * socket.
 */
export const memberAddress = (folder: string): string => {
  const path = join(folder, socketName);
  if (Buffer.byteLength(path) <= socketPathMax) return `unix:${path}`;
  throw failure(
    `the path of the node's folder ${folder} is too long for a socket in it: set VAULT_DATA_DIR to a shorter one`,
  );
};

type Membership = { readonly cluster: string; readonly state: 'new' | 'existing' };

/** The options of the node's etcd. */
export const etcdOptionsOf = (
  { config, clusterId }: Pick<MemberOptions, 'config' | 'clusterId'>,
  { cluster, state }: Membership,
): Readonly<Record<string, string>> => {
  const own = addressOf(config, config.node);
  return {
    name: nameOf(config.node),
    'data-dir': 'etcd',
    'listen-peer-urls': `https://${config.peerHost}:${own.etcdPort}`,
    'initial-advertise-peer-urls': peerUrlOf(own),
    ...peerTlsOptions,
    // Only this node speaks with its member, over a socket in its own folder. etcd must advertise some
    // address.
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
    // This check of etcd refuses a new member for long after faults. The rules of replacing.ts take its part.
    'strict-reconfig-check': 'false',
    logger: 'zap',
    'log-level': 'warn',
  };
};

/** The options as etcd's command line has them. */
export const argumentsOf = (options: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(options).map(([name, value]) => `--${name}=${value}`);

/** The environment of the node's etcd. */
export const etcdEnvironmentOf = ({
  quotaBytes,
  peerProxy,
}: NodeConfig): Readonly<Record<string, string>> => ({
  ETCD_UNSUPPORTED_ARCH: process.arch,
  // Fewer collections of garbage for more memory: a fifth less processor time.
  GOGC: '400',
  GOMEMLIMIT: String(etcdHeapOf(quotaBytes)),
  ...(peerProxy && { HTTPS_PROXY: peerProxy.href }),
});

/** The system's words for an error that has nothing to do with what is in etcd's files, as Go has them. */
export const systemErrors = [
  'no space left on device',
  'disk quota exceeded',
  'permission denied',
  'operation not permitted',
  'read-only file system',
  'input/output error',
  'too many open files',
  'cannot allocate memory',
  'out of memory',
  'already locked',
  'address already in use',
  'cannot assign requested address',
];

type EtcdOutput = { last: string; refusal: string | undefined };

/** The sentence of a line of etcd's log, which is JSON, or of Go's about a panic. */
const wordsOf = (line: string): string => {
  if (!line.startsWith('{')) return line;
  try {
    const { msg, error } = JSON.parse(line);
    return error === undefined ? String(msg) : `${msg}: ${error}`;
  } catch {
    return line;
  }
};

/**
 * Keeps what etcd writes to stderr in `etcd.log`. The result has its last sentence, without the dump of a
 * panic, and what the system refused to it.
 */
const listenTo = ({ stderr }: ChildProcess, log: LogFile): EtcdOutput => {
  const heard: EtcdOutput = { last: '', refusal: undefined };
  if (stderr) {
    stderr.on('data', (chunk: Buffer) => log.write(chunk));
    createInterface({ input: stderr }).on('line', (line) => {
      // A line of the log says more than the panic that follows with the same words.
      const isSaid = heard.last.startsWith(line.replace('panic: ', ''));
      if (/^(\{|panic: |fatal error: )/.test(line) && !isSaid) heard.last = wordsOf(line);
      heard.refusal ??= systemErrors.find((words) => line.includes(words));
    });
  }
  return heard;
};

/**
 * Starts the member and keeps it running. `lost`: why files that are there must not be used, and a new member
 * is needed. Without `lost` and without files, all nodes make a new cluster together.
 */
export const startMember = async (
  options: MemberOptions,
  lost: string | undefined,
): Promise<Member> => {
  const { config, folder, tls, onLost, onEnded, findDoubt, report, onFailed } = options;
  writePeerTls(folder, tls);
  const environment = etcdEnvironmentOf(config);
  let membership: Membership = { cluster: clusterOf(config), state: 'new' };

  const replace = async (why: string): Promise<void> => {
    // First of all: another node may remove the member at once, and no later start may begin with its files.
    putAside(folder);
    membership = { cluster: await onLost(why), state: 'existing' };
  };
  if (lost !== undefined) await replace(lost);
  const log = openLogFile(join(folder, 'etcd.log'), logBytesMax);
  let pid: number | undefined;
  let heard: EtcdOutput | undefined;
  let waitMs: number = nodeTimes.restartFirstMs;

  const { failed, close } = await supervise({
    pidFile: join(folder, 'etcd.pid'),
    launch: () => {
      // A member that was killed leaves its socket behind, on which etcd cannot listen.
      rmSync(join(folder, socketName), { force: true });
      const child = startChild(
        'etcd',
        argumentsOf(etcdOptionsOf(options, membership)),
        folder,
        environment,
      );
      pid = child.pid;
      heard = listenTo(child, log);
      return child;
    },
    graceMs: nodeTimes.etcdEndMs,
    onEnd: async ({ how, lastWords, ranMs }) => {
      const isByItself = how.startsWith('exit code');
      const words = (heard?.last || lastWords).replace(/[\p{Cc}\p{Cf}]+/gu, ' ').slice(0, lastMax);
      const ended = `etcd ended (${isByItself && words ? `${how}: ${words}` : how})`;
      onEnded(`its ${ended} and is started again`);
      const doubt = isByItself ? await findDoubt(heard?.refusal) : '';
      if (doubt === undefined) {
        report(`${ended}, as it cannot use its files; this node asks for a new member`);
        await replace(`its ${ended}, as it cannot use its files`);
      } else {
        report(`${ended}; it is started again${doubt && `: ${doubt}`}`);
      }
      const { restartFirstMs, restartLastMs } = nodeTimes;
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
