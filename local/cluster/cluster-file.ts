/**
 * `cluster.json`: all that the nodes of one cluster must agree on. The program of the master key writes it, every node
 * reads it. A reader of the file can join the cluster and use the master key, so the file is for its owner only.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { HttpHandler } from '@smithy/core/protocols';
import * as v from 'valibot';
import { times } from '../../functions/model/limits.ts';
import { vaultIdForm } from '../../functions/runtime/config.ts';
import { createHttpHandler } from '../../functions/runtime/transport.ts';
import { failure } from '../../system/failures.ts';
import { readFileIfPresent, replaceFile } from '../../system/files.ts';

const text = v.pipe(v.string(), v.nonEmpty());

/** PEM texts. Their holder can connect to every node as a node of the cluster. */
export const tlsFiles = v.object({
  /** The authority: a node trusts every certificate that this one has signed. */
  ca: text,
  /** The certificate of all nodes, for both ends of a connection, and its private key. */
  certificate: text,
  key: text,
});
export type TlsFiles = v.InferOutput<typeof tlsFiles>;

const clusterFile = v.object({
  /** Tells this cluster from every other one, also from one before it with the same vault and the same nodes. */
  token: text,
  tls: tlsFiles,
  /** The id of the vault. It stays as it is in the folder of the master key. */
  vaultId: v.pipe(v.string(), v.regex(vaultIdForm)),
  kms: v.object({ endpoint: v.pipe(v.string(), v.url()), keyArn: text }),
  /** The public key set of the tokens, as `AUTH_JWKS` takes it. */
  jwks: text,
});
export type ClusterFile = v.InferOutput<typeof clusterFile>;

/**
 * The access key of the clients of a cluster's store and KMS. They need some, and nobody checks it: the store is a
 * node's own, and the KMS knows its callers by their certificates.
 */
export const uncheckedKey = { accessKeyId: 'unchecked', secretAccessKey: 'unchecked' };

const parse = (file: string, content: string): ClusterFile => {
  try {
    return v.parse(clusterFile, JSON.parse(content));
  } catch {
    // The error has no cause, because the parser's message would quote the key.
    throw failure(`${file} is damaged: put back a copy, such as that of another node`);
  }
};

/** Reads the cluster file. Throws a sentence if the file is absent or damaged. */
export const readClusterFile = (file: string): ClusterFile => {
  const content = readFileIfPresent(file);
  if (content !== undefined) return parse(file, content);
  throw failure(`${file} is missing: the program of the master key makes it, so start that first`);
};

/**
 * Returns the name of the cluster, which is no secret. Nodes of different clusters never speak with each other, and none
 * starts on a folder with data of another cluster.
 */
export const clusterIdOf = ({ token }: Pick<ClusterFile, 'token'>): string =>
  createHash('sha256').update(token).digest('hex').slice(0, 16);

/** The part of the cluster file that a program needs to speak with a node. */
export type OwnCluster = Pick<ClusterFile, 'token' | 'tls'>;

/** The header by which each request to a node names its cluster. */
export const clusterHeader = 'vault-cluster';

/**
 * Writes the cluster file, which tells the nodes the id of the vault and where the master key is. The token is made once
 * and stays as it is; without a file, a new cluster begins.
 */
export const writeClusterFile = (file: string, told: Omit<ClusterFile, 'token'>): void => {
  const content = readFileIfPresent(file);
  const token =
    content === undefined ? randomBytes(16).toString('hex') : parse(file, content).token;
  replaceFile(file, JSON.stringify({ token, ...told } satisfies ClusterFile));
};

/**
 * Node's options for either end of a connection: both ends show a certificate of the cluster's authority. All nodes
 * share one certificate, so the host that it names would tell a client nothing more than this one name does.
 */
export const mutualTls = ({ ca, certificate, key }: TlsFiles) => ({
  ca,
  cert: certificate,
  key,
  servername: 'localhost',
  requestCert: true,
  rejectUnauthorized: true,
});

/** The `requestHandler` of a KMS client. It calls the embedded KMS at `endpoint`, whatever the client's endpoint is. */
export const createKeyTransport = (endpoint: string, tls: TlsFiles): HttpHandler => {
  const { hostname, port } = new URL(endpoint);
  const handler = createHttpHandler(times.connectMs, mutualTls(tls));
  const way = { protocol: 'https:', hostname, port: Number(port) };
  return {
    ...handler,
    handle: (request, options) => handler.handle(Object.assign(request, way), options),
  };
};
