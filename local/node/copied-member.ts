/**
 * An etcd with one member over a copy of a node's files, to read what the node holds when the other nodes are lost. It
 * has what the node knew to be committed. The node's own files stay as they are.
 */
import { constants, cpSync } from 'node:fs';
import { join } from 'node:path';
import { failure, sentenceOf } from '../../system/failures.ts';
import { endRememberedChild } from '../process/process-record.ts';
import { type LoneEtcd, startLoneEtcd } from './lone-etcd.ts';
import { requireEtcd } from './member.ts';
import { hasMemberFiles, memberFiles } from './member-files.ts';

const name = 'copy';
const peerUrl = 'http://127.0.0.1:1';
const startWithinMs = 300_000;

const options = {
  name,
  'listen-peer-urls': 'http://127.0.0.1:0',
  'initial-advertise-peer-urls': peerUrl,
  'initial-cluster': `${name}=${peerUrl}`,
  'advertise-client-urls': peerUrl,
  'enable-grpc-gateway': 'false',
  // Nobody else votes.
  'heartbeat-interval': '10',
  'election-timeout': '100',
  // The copy takes the one key that a snapshot writes, however full the database is.
  'quota-backend-bytes': '-1',
  logger: 'zap',
  'log-level': 'warn',
  'force-new-cluster': 'true',
};

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
export const startCopiedMember = async (folder: string): Promise<LoneEtcd> => {
  requireEtcd();
  if (!hasMemberFiles(folder)) {
    throw failure(`the node of ${folder} holds no data: name the folder of another node`);
  }
  // A node that was killed may have left its etcd running.
  await endRememberedChild(join(folder, 'etcd.pid'));
  return await startLoneEtcd({
    folder,
    name: 'etcd.copy',
    fill: (files) => copyFiles(memberFiles(folder), join(files, 'member')),
    options,
    environment: { ETCD_UNSUPPORTED_ARCH: process.arch },
    withinMs: startWithinMs,
    failed: (end) =>
      failure(`etcd cannot use the files of ${folder}: ${end?.lastWords ?? 'it does not answer'}`),
  });
};
