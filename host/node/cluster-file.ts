/**
 * `cluster.json`: everything that the nodes of one cluster must agree on. `npm run cluster -- init`
 * writes it, and every node reads it. Whoever can read the file can join the cluster, so only its
 * owner may.
 */
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { isVaultId } from '../../functions/model/variables.ts';
import { misconfigured } from '../../system/failures.ts';
import { readFileIfPresent, replaceFile } from '../../system/files.ts';
import { tlsFiles } from '../http/tls.ts';
import { keyIdentity } from '../kms/key-file.ts';

const text = v.pipe(v.string(), v.nonEmpty());

const keyInKms = v.object({ masterKeyId: text });

const clusterFile = v.object({
  /**
   * Distinguishes this cluster from every other one, including an earlier cluster of the same vault
   * and nodes.
   */
  token: text,
  /** The id of the vault. A new cluster after a restore has the same one. */
  vaultId: v.pipe(v.string(), v.check(isVaultId)),
  /** All nodes: `1=HOST:ETCD_PORT:PEER_PORT,2=…`. */
  nodes: text,
  /** The id and check value of the master key, or the ARN of a key in a KMS. */
  key: v.union([keyInKms, keyIdentity]),
  tls: tlsFiles,
  /** The public key set for tokens, in the format of `AUTH_JWKS`. */
  jwks: text,
});
export type ClusterFile = v.InferOutput<typeof clusterFile>;

/** What files from before 2.0.0 have, too. */
const earlierFile = v.omit(clusterFile, ['nodes', 'key']);

const parse = (file: string, content: string): ClusterFile => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
    return v.parse(clusterFile, parsed);
  } catch {
    // No cause is attached, because the parser's message could quote the nodes' private key.
    throw misconfigured(
      v.is(earlierFile, parsed)
        ? `${file} is from before 2.0.0, without the nodes or the check value of the master key: back up a node with ` +
            '2.0.0, move the file away, and restore into a new cluster (docs/deploy/backup.md)'
        : `${file} is damaged: put back a copy, such as that of another node`,
    );
  }
};

/**
 * Returns the cluster file, or `undefined` if there is none. Throws a user-facing error if it is
 * damaged.
 */
export const findClusterFile = (file: string): ClusterFile | undefined => {
  const content = readFileIfPresent(file);
  return content === undefined ? undefined : parse(file, content);
};

/** Reads the cluster file. Throws a user-facing error if it is missing or damaged. */
export const readClusterFile = (file: string): ClusterFile => {
  const found = findClusterFile(file);
  if (found !== undefined) return found;
  throw misconfigured(
    `${file} is missing: npm run cluster -- init makes it (docs/deploy/machines.md)`,
  );
};

/** Replaces the cluster file durably. */
export const writeClusterFile = (file: string, cluster: ClusterFile): void =>
  replaceFile(file, JSON.stringify(cluster));

/**
 * Returns the name of the cluster, which is not secret. Nodes of different clusters refuse to talk
 * to each other, and a node does not start on a folder with another cluster's data.
 */
export const clusterIdOf = ({ token }: Pick<ClusterFile, 'token'>): string =>
  createHash('sha256').update(token).digest('hex').slice(0, 16);

/** The part of the cluster file that a program needs to talk to a node. */
export type OwnCluster = Pick<ClusterFile, 'token' | 'tls'>;
