/**
 * The files of a node's etcd: whether there are any, which etcd last served them, and how they are
 * moved aside. Also the certificates of the cluster, which etcd reads from files.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { readFileIfPresent, replaceFile, replaceFileMeanwhile } from '../../system/files.ts';
import type { TlsFiles } from '../http/tls.ts';

const memberFolder = (folder: string): string => join(folder, 'etcd');
const asideFolder = (folder: string): string => join(folder, 'etcd.lost');

/** The folder with the log and the database of the node's etcd. */
export const memberFiles = (folder: string): string => join(memberFolder(folder), 'member');

/** Whether the node has files of a member, even incomplete ones. */
export const hasMemberFiles = (folder: string): boolean => {
  const files = memberFiles(folder);
  return existsSync(files) && readdirSync(files).length > 0;
};

const servedFile = (folder: string): string => join(memberFiles(folder), 'served-by');

const served = v.object({ release: v.string(), revision: v.number() });
/**
 * The minor release of etcd that last served the node's files, and the highest revision that the
 * node had answered or applied. A serving node writes them every second, so the revision may lack
 * the last second before the node ended.
 */
export type LastService = v.InferOutput<typeof served>;

/**
 * Returns what `keepServed` recorded; `undefined` if no etcd has served the files, or if the record
 * is damaged.
 */
export const findServed = (folder: string): LastService | undefined => {
  const text = readFileIfPresent(servedFile(folder));
  try {
    return text === undefined ? undefined : v.parse(served, JSON.parse(text));
  } catch {
    // A damaged record counts as none: without its revision nobody can tell whether other nodes
    // have all the data of these files, so the files are not replaced.
    return undefined;
  }
};

/**
 * Records next to the node's files that etcd serves them, and removes files that were moved aside.
 * Rejects if the disk refuses the write.
 */
export const keepServed = async (folder: string, now: LastService): Promise<void> => {
  const { release, revision } = findServed(folder) ?? { release: '', revision: 0 };
  if (release !== now.release || revision < now.revision) {
    const kept: LastService = { ...now, revision: Math.max(revision, now.revision) };
    await replaceFileMeanwhile(servedFile(folder), JSON.stringify(kept));
  }
  await rm(asideFolder(folder), { recursive: true, force: true });
};

/**
 * Moves the files of the node's etcd aside, where they stay until the node serves again: if a
 * majority has lost its files, these may be all that is left. If older files are aside already and
 * the current ones have never served, the older ones stay and the current ones are deleted.
 */
export const putAside = (folder: string): void => {
  if (!existsSync(memberFolder(folder))) return;
  const isKept = existsSync(asideFolder(folder)) && findServed(folder) === undefined;
  rmSync(isKept ? memberFolder(folder) : asideFolder(folder), { recursive: true, force: true });
  if (!isKept) renameSync(memberFolder(folder), asideFolder(folder));
};

/** The certificate files of the node, relative to the node's folder, in which its etcd runs. */
const tlsPaths = { ca: 'tls/ca.pem', certificate: 'tls/node.pem', key: 'tls/node.key' } as const;

/**
 * etcd's options for its peer port. Both ends of each connection must have a certificate of the
 * cluster's authority.
 */
export const peerTlsOptions = {
  'peer-trusted-ca-file': tlsPaths.ca,
  'peer-cert-file': tlsPaths.certificate,
  'peer-key-file': tlsPaths.key,
  'peer-client-cert-auth': 'true',
};

/** Writes the files that `peerTlsOptions` names, readable only for their owner. */
export const writePeerTls = (folder: string, tls: TlsFiles): void => {
  mkdirSync(join(folder, 'tls'), { mode: 0o700, recursive: true });
  replaceFile(join(folder, tlsPaths.ca), tls.ca);
  replaceFile(join(folder, tlsPaths.certificate), tls.certificate);
  replaceFile(join(folder, tlsPaths.key), tls.key);
};
