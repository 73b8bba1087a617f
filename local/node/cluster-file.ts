/**
 * `cluster.json`: all that the nodes of one cluster must agree on. `npm run cluster -- init` writes it, every
 * node reads it. A reader of the file can join the cluster, so the file is for its owner only.
 */
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { vaultIdForm } from '../../functions/runtime/config.ts';
import { failure } from '../../system/failures.ts';
import { readFileIfPresent, replaceFile } from '../../system/files.ts';
import { tlsFiles } from '../http/tls.ts';
import { findKeyId, keyIdentity } from '../kms/key-file.ts';

const text = v.pipe(v.string(), v.nonEmpty());

const keyInKms = v.object({ masterKeyId: text });

const clusterFile = v.object({
  /**
   * Tells this cluster from every other one, also from one before it with the same vault and the same nodes.
   */
  token: text,
  /** The id of the vault, also of a new cluster after a restore. */
  vaultId: v.pipe(v.string(), v.regex(vaultIdForm)),
  /** All nodes, in the form of `VAULT_NODES`. A file of 1.0.0 does not name them. */
  nodes: v.optional(text),
  /** The id and check value of the master key, or the ARN of a key in a KMS. */
  key: v.union([keyInKms, keyIdentity]),
  tls: tlsFiles,
  /** The public key set of the tokens, in the form of `AUTH_JWKS`. */
  jwks: text,
});
export type ClusterFile = v.InferOutput<typeof clusterFile>;

/** A file of 1.0.0 names the program that served the key, and by the key's ARN its id. */
const earlierFile = v.object({ kms: v.object({ keyArn: text }) });

const keyOf = (parsed: unknown) => {
  const { success, output } = v.safeParse(earlierFile, parsed);
  return success && { key: { keyId: findKeyId(output.kms.keyArn) } };
};

const parse = (file: string, content: string): ClusterFile => {
  try {
    const parsed: object = JSON.parse(content);
    return v.parse(clusterFile, { ...keyOf(parsed), ...parsed });
  } catch {
    // The error has no cause, because the parser's message would quote the key.
    throw failure(`${file} is damaged: put back a copy, such as that of another node`);
  }
};

/** Returns the cluster file; `undefined` if there is none. Throws a sentence if it is damaged. */
export const findClusterFile = (file: string): ClusterFile | undefined => {
  const content = readFileIfPresent(file);
  return content === undefined ? undefined : parse(file, content);
};

/** Reads the cluster file. Throws a sentence if it is absent or damaged. */
export const readClusterFile = (file: string): ClusterFile => {
  const found = findClusterFile(file);
  if (found !== undefined) return found;
  throw failure(`${file} is missing: npm run cluster -- init makes it (docs/deploy/machines.md)`);
};

/** Replaces the cluster file durably. */
export const writeClusterFile = (file: string, cluster: ClusterFile): void =>
  replaceFile(file, JSON.stringify(cluster));

/**
 * Returns the name of the cluster, which is no secret. Nodes of different clusters never speak with each
 * other, and none starts on a folder with data of another cluster.
 */
export const clusterIdOf = ({ token }: Pick<ClusterFile, 'token'>): string =>
  createHash('sha256').update(token).digest('hex').slice(0, 16);

/** The part of the cluster file that a program needs to speak with a node. */
export type OwnCluster = Pick<ClusterFile, 'token' | 'tls'>;
