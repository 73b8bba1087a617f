/**
 * An etcd with one member beside that of a node: over a copy of the node's files, or to find out whether any etcd starts
 * in the node's folder.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { connectEtcd } from '../etcd/etcd-client.ts';
import { closeAtEnd } from '../process/ending.ts';
import { endRememberedChild } from '../process/process-record.ts';
import { type End, startChild, supervise } from '../process/supervisor.ts';
import { argumentsOf } from './member.ts';

export type LoneEtcdOptions = {
  /** Locked by this process. */
  readonly folder: string;
  /** The name of its data folder in `folder`, with which its other files begin. */
  readonly name: string;
  /** Puts files into the data folder, which is empty. */
  readonly fill?: (files: string) => void;
  /** More options of etcd. */
  readonly options: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  /** etcd reads all keys before it answers. */
  readonly withinMs: number;
  /** Makes the error of an etcd that has ended, or (`undefined`) does not answer in time. */
  readonly failed: (end: End | undefined) => Error;
  /** Ends the wait for its first answer. */
  readonly signal?: AbortSignal;
};

export type LoneEtcd = {
  /** The gRPC address of its etcd. */
  readonly address: string;
  /** Ends etcd and removes its files. */
  readonly close: () => Promise<void>;
};

const callMs = 1_000;
const askEveryMs = 100;

/** Starts the etcd, and returns when it answers a linearizable read. Nothing is left of one that does not. */
export const startLoneEtcd = async (options: LoneEtcdOptions): Promise<LoneEtcd> => {
  const { folder, name, fill, environment, withinMs, failed, signal } = options;
  // etcd wants a port in the name of a socket; it has no meaning.
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
  const isThere = async (): Promise<boolean> =>
    await etcd.range({ key: Buffer.from('table/') }, performance.now() + callMs).then(
      () => true,
      () => false,
    );
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
        isDone: async () => signal?.aborted || (await isThere()),
        askEveryMs,
        withinMs,
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
      },
    };
  } catch (error) {
    clear();
    throw error;
  }
};
