/**
 * The files of a node's etcd: whether there are any, which etcd last served them, and putting them aside; and
 * the certificates of the cluster, which etcd takes from files.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { readFileIfPresent, replaceFile, replaceFileMeanwhile } from '../../system/files.ts';
import type { TlsFiles } from '../http/tls.ts';

const memberFolder = (folder: string): string => join(folder, 'etcd');
const asideFolder = (folder: string): string => join(folder, 'etcd.lost');

/** The folder in which the node's etcd keeps its log and its database. */
export const memberFiles = (folder: string): string => join(memberFolder(folder), 'member');

/** Whether the node has files of a member, whole or not. */
export const hasMemberFiles = (folder: string): boolean => {
  const files = memberFiles(folder);
  return existsSync(files) && readdirSync(files).length > 0;
};

const servedFile = (folder: string): string => join(memberFiles(folder), 'served-by');

const served = v.object({ release: v.string(), revision: v.number() });
/**
 * The minor release of etcd that last served the node's files, and the highest revision that the node answered or applied
 * meanwhile, as of at most a second before its end.
 */
export type LastService = v.InferOutput<typeof served>;

/** `undefined` if no etcd has served the files. */
export const findServed = (folder: string): LastService | undefined => {
  const text = readFileIfPresent(servedFile(folder));
  try {
    return text === undefined ? undefined : v.parse(served, JSON.parse(text));
  } catch {
    // Without a revision to compare with, the files stay where they are.
    return undefined;
  }
};

/**
 * etcd serves the node's files: writes that down beside them, and removes what was put aside. Rejects if the
 * disk rejects the write.
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
 * Puts the files where no start takes them for a member's, until the node serves again: if a majority has
 * lost its files, these may be all that is left. So files that have never served do not take their place.
 */
export const putAside = (folder: string): void => {
  if (!existsSync(memberFolder(folder))) return;
  const isKept = existsSync(asideFolder(folder)) && findServed(folder) === undefined;
  rmSync(isKept ? memberFolder(folder) : asideFolder(folder), { recursive: true, force: true });
  if (!isKept) renameSync(memberFolder(folder), asideFolder(folder));
};

/** Relative to the node's folder, which is the working folder of its etcd. */
const tlsPaths = { ca: 'tls/ca.pem', certificate: 'tls/node.pem', key: 'tls/node.key' } as const;

/**
 * etcd's options for its peer port: both ends of each connection show a certificate of the cluster's
 * authority.
 */
export const peerTlsOptions = {
  'peer-trusted-ca-file': tlsPaths.ca,
  'peer-cert-file': tlsPaths.certificate,
  'peer-key-file': tlsPaths.key,
  'peer-client-cert-auth': 'true',
};

/** Writes the files that `peerTlsOptions` names, for their owner only. */
export const writePeerTls = (folder: string, tls: TlsFiles): void => {
  mkdirSync(join(folder, 'tls'), { mode: 0o700, recursive: true });
  replaceFile(join(folder, tlsPaths.ca), tls.ca);
  replaceFile(join(folder, tlsPaths.certificate), tls.certificate);
  replaceFile(join(folder, tlsPaths.key), tls.key);
};
