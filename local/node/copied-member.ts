/**
 * An etcd with one member over a copy of a node's files, to read what the node holds when the other nodes are lost. It
 * has what the node knew to be committed. The node's own files stay as they are.
 */
import { constants, cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { failure, sentenceOf } from '../../system/failures.ts';
import { connectEtcd } from '../etcd/client.ts';
import { closeAtEnd } from '../host/ending.ts';
import { endRememberedChild } from '../host/running.ts';
import { type End, startChild, supervise } from '../host/supervisor.ts';
import { requireEtcd } from './member.ts';
import { hasMemberFiles, memberFiles } from './member-files.ts';

export type CopiedMember = {
  /** The gRPC address of its etcd. */
  readonly address: string;
  /** Ends etcd and removes the copy. */
  readonly close: () => Promise<void>;
};

const name = 'copy';
const folderName = 'etcd.copy';
const socketName = 'etcd.copy.client:1';
const peerUrl = 'http://127.0.0.1:1';
const callMs = 1_000;
const askEveryMs = 100;
/** etcd reads all keys before it answers. */
const startWithinMs = 300_000;

const args: readonly string[] = [
  ...Object.entries({
    name,
    'data-dir': folderName,
    'listen-peer-urls': 'http://127.0.0.1:0',
    'initial-advertise-peer-urls': peerUrl,
    'initial-cluster': `${name}=${peerUrl}`,
    'listen-client-urls': `unix://${socketName}`,
    'advertise-client-urls': peerUrl,
    'enable-grpc-gateway': 'false',
    // Nobody else votes.
    'heartbeat-interval': '10',
    'election-timeout': '100',
    // The copy takes the one key that a snapshot writes, however full the database is.
    'quota-backend-bytes': '-1',
    logger: 'zap',
    'log-level': 'warn',
  }).map(([option, value]) => `--${option}=${value}`),
  '--force-new-cluster',
];

/** Shares the blocks of the files, if the file system can. */
const copyFiles = (from: string, to: string): void => {
  try {
    cpSync(from, to, { recursive: true, mode: constants.COPYFILE_FICLONE });
  } catch (cause) {
    throw failure(`${from} cannot be copied to ${to}: ${sentenceOf(cause)}`, { cause });
  }
};

/**
 * Copies the files of the node in `folder`, which this process has locked, and starts an etcd on the copy. Throws a
 * sentence if the node has no files, or etcd cannot use them.
 */
export const startCopiedMember = async (folder: string): Promise<CopiedMember> => {
  requireEtcd();
  if (!hasMemberFiles(folder)) {
    throw failure(`the node of ${folder} holds no data: name the folder of another node`);
  }
  // A node that was killed may have left its etcd running.
  await endRememberedChild(join(folder, 'etcd.pid'));
  const copy = join(folder, folderName);
  const remove = () => rmSync(copy, { recursive: true, force: true });
  remove();
  const takeBack = closeAtEnd(remove);
  const socket = join(folder, socketName);
  const etcd = connectEtcd(`unix:${socket}`);
  const clear = () => {
    etcd.close();
    takeBack();
    remove();
  };
  const failed = (end: End | undefined) =>
    failure(`etcd cannot use the files of ${folder}: ${end?.lastWords ?? 'it does not answer'}`);
  try {
    copyFiles(memberFiles(folder), join(copy, 'member'));
    const { close } = await supervise({
      pidFile: join(folder, 'etcd.copy.pid'),
      launch: () => {
        rmSync(socket, { force: true });
        const environment = { ETCD_UNSUPPORTED_ARCH: process.arch };
        const child = startChild('etcd', args, folder, environment);
        child.stderr?.resume();
        return child;
      },
      start: {
        isDone: async () =>
          await etcd.range({ key: Buffer.from('table/') }, performance.now() + callMs).then(
            () => true,
            () => false,
          ),
        askEveryMs,
        withinMs: startWithinMs,
        failed,
      },
      graceMs: 2_000,
      onEnd: (end) => {
        throw failed(end);
      },
    });
    return {
      address: `unix:${socket}`,
      close: async () => {
        await close();
        clear();
        for (const left of [socket, join(folder, 'etcd.copy.pid')]) rmSync(left, { force: true });
      },
    };
  } catch (error) {
    clear();
    throw error;
  }
};
