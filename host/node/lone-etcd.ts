/**
 * An etcd with a single member that runs next to a node's own. It runs on a copy of the node's
 * files, to read them when the other nodes are lost (`startCopiedMember`), or on an empty folder,
 * to find out whether any etcd can start there (`tryEmptyFolder`).
 */
import { constants, cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { failure, sentenceOf } from '../../system/failures.ts';
import { connectEtcd, hasMajority } from '../etcd/etcd-client.ts';
import { connectMember } from '../etcd/member-client.ts';
import { closeAtEnd } from '../process/ending.ts';
import { endRememberedChild } from '../process/process-record.ts';
import { type End, startChild, supervise } from '../process/supervisor.ts';
import {
  argumentsOf,
  etcdEnvironmentOf,
  etcdOptionsOf,
  nameOf,
  peerUrlOf,
  requireEtcd,
} from './member.ts';
import { hasMemberFiles, memberFiles } from './member-files.ts';
import { addressOf, type NodeConfig } from './node-config.ts';
import { nodeTimes } from './node-times.ts';

type LoneEtcdOptions = {
  /** The node's data folder, which this process must have locked. */
  readonly folder: string;
  /**
   * The name of the etcd's data folder, which is created in `folder`. The names of its other files
   * begin with this name.
   */
  readonly name: string;
  /** Creates the data folder, which does not exist yet, with the files that etcd starts on. */
  readonly fill?: (files: string) => void;
  /** Additional options for etcd. */
  readonly options: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  /** How long this etcd may take to start. It reads all keys before it answers. */
  readonly withinMs: number;
  /** The beginning of the error message if this etcd exits or does not answer in time. */
  readonly whyNot: string;
  /** Ends the wait for the first answer of this etcd when it aborts. */
  readonly signal?: AbortSignal;
};

export type LoneEtcd = {
  /** The address at which this etcd answers gRPC calls. */
  readonly address: string;
  /** Stops this etcd and removes its files. */
  readonly close: () => Promise<void>;
};

/**
 * Starts the etcd, and returns when it answers a linearizable read, or when the signal aborts. If
 * it does not start, throws a user-facing error that begins with `whyNot`, and leaves nothing
 * behind.
 */
const startLoneEtcd = async (options: LoneEtcdOptions): Promise<LoneEtcd> => {
  const { folder, name, fill, environment, withinMs, whyNot, signal } = options;
  // etcd requires a port in the name of a socket, but ignores it.
  const socketName = `${name}.client:1`;
  const [data, socket, pidFile] = [name, socketName, `${name}.pid`].map((file) =>
    join(folder, file),
  ) as [string, string, string];
  await endRememberedChild(pidFile);
  const remove = () => rmSync(data, { recursive: true, force: true });
  remove();
  const takeBack = closeAtEnd(remove);
  const etcd = connectEtcd(`unix:${socket}`);
  const clear = () => {
    etcd.close();
    takeBack();
    remove();
    for (const left of [socket, pidFile]) rmSync(left, { force: true });
  };
  const where = { 'data-dir': name, 'listen-client-urls': `unix://${socketName}` };
  const args = argumentsOf({ ...options.options, ...where });
  const failed = (end: End | undefined) =>
    failure(`${whyNot}: ${end?.lastWords ?? 'it does not answer'}`);
  try {
    fill?.(data);
    const { close } = await supervise({
      pidFile,
      launch: () => {
        rmSync(socket, { force: true });
        const child = startChild('etcd', args, folder, environment);
        child.stderr?.resume();
        return child;
      },
      start: {
        isDone: async () => signal?.aborted || (await hasMajority(etcd, nodeTimes.etcdStatusMs)),
        askEveryMs: nodeTimes.lookSoonMs,
        withinMs,
        failed,
      },
      graceMs: nodeTimes.etcdEndMs,
      onEnd: (end) => {
        throw failed(end);
      },
    });
    return {
      address: `unix:${socket}`,
      close: async () => {
        await close();
        clear();
      },
    };
  } catch (error) {
    clear();
    throw error;
  }
};

const copyName = 'copy';
const copyUrl = 'http://127.0.0.1:1';

const copyOptions = {
  name: copyName,
  'listen-peer-urls': 'http://127.0.0.1:0',
  'initial-advertise-peer-urls': copyUrl,
  'initial-cluster': `${copyName}=${copyUrl}`,
  'advertise-client-urls': copyUrl,
  'enable-grpc-gateway': 'false',
  // Elections can be fast, because there are no other members to vote.
  'heartbeat-interval': '10',
  'election-timeout': '100',
  // No quota, so that there is room for the one key that a snapshot writes, however full the
  // database is.
  'quota-backend-bytes': '-1',
  logger: 'zap',
  'log-level': 'warn',
  'force-new-cluster': 'true',
};

/** Copies a folder. The copy shares the blocks of the files if the file system supports it. */
const copyFiles = (from: string, to: string): void => {
  try {
    cpSync(from, to, { recursive: true, mode: constants.COPYFILE_FICLONE });
  } catch (cause) {
    throw failure(`${from} cannot be copied to ${to}: ${sentenceOf(cause)}`, { cause });
  }
};

/**
 * Copies the files of the node in `folder`, which this process has locked, and starts an etcd on
 * the copy. Throws a user-facing error if the node has no files, or if etcd cannot use them.
 */
export const startCopiedMember = async (folder: string): Promise<LoneEtcd> => {
  requireEtcd();
  if (!hasMemberFiles(folder)) {
    throw failure(`the node of ${folder} has no data: name the folder of another node`);
  }
  // A node that was killed may have left its etcd running.
  await endRememberedChild(join(folder, 'etcd.pid'));
  return await startLoneEtcd({
    folder,
    name: 'etcd.copy',
    fill: (files) => copyFiles(memberFiles(folder), join(files, 'member')),
    options: copyOptions,
    environment: { ETCD_UNSUPPORTED_ARCH: process.arch },
    withinMs: nodeTimes.copyStartMs,
    whyNot: `etcd cannot use the files of ${folder}`,
  });
};

/**
 * Starts etcd with the settings of the node's member, but on an empty folder next to the member's,
 * as a separate cluster that nobody can reach, and stops it again. Resolves to the version of this
 * etcd. Throws if it does not serve.
 */
export const tryEmptyFolder = async (
  options: Pick<LoneEtcdOptions, 'folder'> & {
    readonly config: NodeConfig;
    readonly signal: AbortSignal;
  },
): Promise<string> => {
  const { config, folder, signal } = options;
  const own = addressOf(config, config.node);
  const cluster = `${nameOf(config.node)}=${peerUrlOf(own)}`;
  const etcd = await startLoneEtcd({
    ...{ folder, name: 'etcd.try', withinMs: nodeTimes.emptyStartMs, signal },
    options: {
      ...etcdOptionsOf({ config, clusterId: 'try' }, { cluster, state: 'new' }),
      'listen-peer-urls': `https://${config.peerHost}:0`,
    },
    environment: etcdEnvironmentOf(config),
    whyNot: 'etcd does not serve an empty folder either',
  });
  const member = connectMember(etcd.address);
  try {
    return (await member.status(performance.now() + nodeTimes.etcdCallMs)).version;
  } finally {
    member.close();
    await etcd.close();
  }
};
