/**
 * Keeps a node's etcd, its member of the cluster, running. Raft relies on each member keeping what
 * it acknowledged, so a member never starts from older files. One that has lost anything is
 * replaced by a new one.
 */
import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { misconfigured } from '../../system/failures.ts';
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
  /** The name of the cluster, which keeps members of two clusters from talking to each other. */
  readonly clusterId: string;
  readonly tls: TlsFiles;
  /**
   * Gets a new member in place of the lost one, whose files have been moved aside. Resolves to all
   * members in the format of etcd's option `initial-cluster`. Rejects when the node is closed.
   */
  readonly onLost: (why: string) => Promise<string>;
  /** Called with a message each time etcd exits. It is then restarted. */
  readonly onEnded: (how: string) => void;
  /**
   * Called each time etcd exits by itself, with the refusal of the operating system that its log
   * contains, if any. Resolves to the reason why its files may be sound, or to `undefined` if a new
   * member is needed.
   */
  readonly findDoubt: (refusal: string | undefined) => Promise<string | undefined>;
  readonly report: (line: string) => void;
  /** Called with the reason if etcd cannot be kept running. */
  readonly onFailed: (error: unknown) => void;
};

export type Member = {
  /**
   * Returns the memory that this member's etcd uses, in bytes; `null` if the system does not report
   * it.
   */
  readonly memoryBytes: () => number | null;
  readonly close: () => Promise<void>;
};

const lastMax = 300;
const logBytesMax = 1_048_576;
/** The longest socket path that every system allows. */
const socketPathMax = 103;

export const nameOf = (node: number): string => `node-${node}`;
export const peerUrlOf = ({ host, etcdPort }: NodeAddress): string => `https://${host}:${etcdPort}`;

/** All nodes in the format of etcd's option `initial-cluster`. */
const clusterOf = ({ nodes }: NodeConfig): string =>
  nodes.map((one) => `${nameOf(one.node)}=${peerUrlOf(one)}`).join(',');

/** Throws a user-facing error if there is no etcd. */
export const requireEtcd = (): void => {
  if (findProgram('etcd') !== undefined) return;
  throw misconfigured('etcd is not on the PATH: install it (Debian: apt-get install etcd-server)');
};

/** etcd requires a port in the name of a socket, but ignores it. */
const socketName = 'etcd.client:1';

/**
 * The gRPC address of the etcd of the node in `folder`. Throws a user-facing error if the path is
 * too long for a socket.
 */
export const memberAddress = (folder: string): string => {
  const path = join(folder, socketName);
  if (Buffer.byteLength(path) <= socketPathMax) return `unix:${path}`;
  throw misconfigured(
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
    // Only this node talks to its member, over a socket in its own folder. But etcd must advertise
    // some address.
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
    // With this check etcd would refuse to add a new member for a long time after faults. The rules
    // of replacing.ts are used instead.
    'strict-reconfig-check': 'false',
    logger: 'zap',
    'log-level': 'warn',
  };
};

/** The options as arguments of etcd's command line. */
export const argumentsOf = (options: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(options).map(([name, value]) => `--${name}=${value}`);

/** The environment of the node's etcd. */
export const etcdEnvironmentOf = ({
  quotaBytes,
  peerProxy,
}: NodeConfig): Readonly<Record<string, string>> => ({
  ETCD_UNSUPPORTED_ARCH: process.arch,
  // Collects garbage less often. This uses more memory, but a fifth less processor time.
  GOGC: '400',
  GOMEMLIMIT: String(etcdHeapOf(quotaBytes)),
  ...(peerProxy && { HTTPS_PROXY: peerProxy.href }),
});

/**
 * Errors of the operating system, as Go words them, that have nothing to do with the content of
 * etcd's files.
 */
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

/** Returns the message of a line of etcd's log, which is JSON, or of a Go panic. */
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
 * Writes etcd's stderr to `etcd.log`. The result has its last message, without the dump of a panic,
 * and what the operating system refused.
 */
const listenTo = ({ stderr }: ChildProcess, log: LogFile): EtcdOutput => {
  const heard: EtcdOutput = { last: '', refusal: undefined };
  if (stderr) {
    stderr.on('data', (chunk: Buffer) => log.write(chunk));
    createInterface({ input: stderr }).on('line', (line) => {
      // A panic that repeats the message of the previous log line is skipped, because the log line
      // says more.
      const isSaid = heard.last.startsWith(line.replace('panic: ', ''));
      if (/^(\{|panic: |fatal error: )/.test(line) && !isSaid) heard.last = wordsOf(line);
      heard.refusal ??= systemErrors.find((words) => line.includes(words));
    });
  }
  return heard;
};

/**
 * Starts the member and keeps it running. `lost` says why existing files must not be used, so that
 * a new member is needed. Without `lost` and without files, all nodes form a new cluster.
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
    // The files are moved aside before anything else: another node may remove the member at any
    // moment, and then no start may use its files again.
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
      // A member that was killed leaves its socket behind, and etcd could not listen on it.
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
