/** A restore replaces the files of a node's member by those of a backup. */
import { execFile } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { failure } from '../../system/failures.ts';
import { endRememberedChild } from '../host/running.ts';
import { addressOf, type NodeConfig } from './config.ts';
import { clusterOf, nameOf, peerUrlOf } from './member.ts';
import { keepBeforeRestore, placeRestored, restoredFolder } from './member-files.ts';
import { openNodeRecord, writeRestoredRecord } from './record.ts';

export type RestoreOptions = {
  readonly config: NodeConfig;
  /** Locked by this process. */
  readonly folder: string;
  /** The backup, as `etcdctl snapshot save` has made it. */
  readonly backup: string;
  /** The same on all nodes, and new with each restore: members of two restores never speak with each other. */
  readonly id: string;
};

const isOnPath = (program: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));

/** From release 3.6 on, only etcdutl restores. Release 3.4 has no etcdutl. */
const findProgram = (): string => {
  const program = ['etcdutl', 'etcdctl'].find(isOnPath);
  if (program !== undefined) return program;
  throw failure(
    'neither etcdutl nor etcdctl is on the PATH: install them (Debian: apt-get install etcd-client)',
  );
};

const run = async (program: string, args: readonly string[]): Promise<void> => {
  try {
    await promisify(execFile)(program, [...args]);
  } catch (error) {
    const said = Object(error).stderr || String(error);
    const last = String(said).trim().split('\n').at(-1) ?? '';
    throw failure(`${program} cannot restore the backup: ${last}`, { cause: error });
  }
};

/**
 * Gives the node the files of the backup, and a record that no other node has heard of. The files of before stay in
 * `etcd.old`. Throws a sentence, and leaves the node as it was, if the backup cannot be used or the folder is another
 * node's.
 */
export const restoreNode = async ({ config, folder, backup, id }: RestoreOptions) => {
  const program = findProgram();
  if (!existsSync(backup)) throw failure(`there is no file ${backup}`);
  openNodeRecord(folder, config.node);
  await endRememberedChild(join(folder, 'etcd.pid'));
  const restored = restoredFolder(folder);
  rmSync(restored, { recursive: true, force: true });
  const options = {
    'data-dir': restored,
    name: nameOf(config.node),
    'initial-advertise-peer-urls': peerUrlOf(addressOf(config, config.node)),
    'initial-cluster': clusterOf(config),
    'initial-cluster-token': id,
  };
  const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  await run(program, ['snapshot', 'restore', backup, ...flags]);
  keepBeforeRestore(folder);
  writeRestoredRecord(folder, config.node, id);
  placeRestored(folder);
};
