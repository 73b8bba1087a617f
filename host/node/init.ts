/**
 * `npm run cluster -- init FOLDER` creates what the nodes of one cluster share, and keeps what
 * exists. The folder also has the authority of the certificates and the key that signs tokens,
 * which no node needs.
 */
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { failure, usage } from '../../system/failures.ts';
import { hasCertificates, openCertificates, type Renewal } from '../http/certificates.ts';
import { openTokenKey } from '../identity/token-key.ts';
import { openVaultId } from '../identity/vault-id.ts';
import { identityIn, makeMasterKey, masterKeyFile } from '../kms/key-file.ts';
import { openDataFolder } from '../process/data-folder.ts';
import { type ClusterFile, findClusterFile, writeClusterFile } from './cluster-file.ts';
import { parseNodes } from './node-config.ts';

export type ClusterPlan = {
  /** The folder for everything that the nodes share. It is created if it is missing. */
  readonly folder: string;
  readonly clusterFile: string;
  /** All nodes, as `parseNodes` reads them. The default is those of the cluster file. */
  readonly nodes?: string | undefined;
  /**
   * The ARN of a master key in a KMS. The default is the key of the cluster file, or a new one in
   * `kms.json`.
   */
  readonly masterKeyId?: string | undefined;
  readonly renewal?: Renewal | undefined;
  /** Whether to begin a new cluster, which excludes nodes that have the old cluster file. */
  readonly isNewCluster?: boolean;
};

const arnForm = /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/;

/**
 * Returns what the nodes must know about the master key. If the cluster file identifies the key,
 * the key file may be absent, so that somebody who stores it elsewhere need not fetch it to renew a
 * certificate.
 */
const keyOf = (
  { folder, masterKeyId }: ClusterPlan,
  known: ClusterFile | undefined,
  hasVault: boolean,
): ClusterFile['key'] => {
  const file = masterKeyFile(folder, process.env);
  if (masterKeyId !== undefined && !arnForm.test(masterKeyId)) {
    throw usage(
      '--kms takes the ARN of a key, such as arn:aws:kms:eu-central-1:111122223333:key/…',
    );
  }
  if (known === undefined) {
    if (masterKeyId !== undefined) return { masterKeyId };
    if (!hasVault) makeMasterKey(file);
    return identityIn(file);
  }
  const isOther =
    masterKeyId !== undefined &&
    !('masterKeyId' in known.key && known.key.masterKeyId === masterKeyId);
  if (isOther) {
    throw failure(
      'the vault has another master key: values are never sealed again under a new one',
    );
  }
  if (!('masterKeyId' in known.key) && existsSync(file)) requireKey(file, known.key);
  return known.key;
};

/** Throws a user-facing error unless the file contains this key. */
const requireKey = (file: string, key: Exclude<ClusterFile['key'], { masterKeyId: string }>) => {
  const { keyId, check } = identityIn(file);
  if (keyId === key.keyId && key.check === check) return;
  throw failure(`${file} holds another master key than the vault's, whose id is ${key.keyId}`);
};

/**
 * Creates what is missing and returns the cluster file, which it writes last. If it throws a
 * user-facing error, nothing existing has changed, except that `tls.json` has the renewed
 * certificate if the cluster file could not be written.
 */
export const initCluster = async (plan: ClusterPlan): Promise<ClusterFile> => {
  const { folder, clusterFile, renewal, isNewCluster = false } = plan;
  const known = findClusterFile(clusterFile);
  const nodes = plan.nodes ?? known?.nodes;
  if (nodes === undefined)
    throw usage('--nodes is needed: the hosts of the nodes, separated by commas');
  const hosts = parseNodes(nodes).map(({ host }) => host);
  const hasVault = existsSync(join(folder, 'vault.json'));
  if (known === undefined && !isNewCluster && hasCertificates(folder)) {
    throw failure(
      `${clusterFile} is missing, and ${folder} is of a cluster: copy cluster.json from a node there, or begin a new ` +
        'cluster after a restore with --new-cluster',
    );
  }
  openDataFolder(folder);
  const vaultId = known?.vaultId ?? openVaultId(folder, process.env);
  const key = keyOf(plan, known, hasVault);
  const { jwks } = await openTokenKey(folder);
  const tls = await openCertificates(folder, hosts, renewal);
  const token = known && !isNewCluster ? known.token : randomBytes(16).toString('hex');
  const made = { token, vaultId, nodes, key, tls, jwks };
  writeClusterFile(clusterFile, made);
  return made;
};

/** Copies what a node needs into another folder: the cluster file, and the key file if any. */
export const copyForNodes = (folder: string, to: string): void => {
  openDataFolder(to);
  for (const name of ['cluster.json', 'kms.json']) {
    if (existsSync(join(folder, name))) copyFileSync(join(folder, name), join(to, name));
  }
};

/**
 * Throws a user-facing error unless the file `copy` contains the master key of the cluster file's
 * vault.
 */
export const checkCopy = (clusterFile: string, copy: string): void => {
  const { key } = findClusterFile(clusterFile) ?? {};
  if (key === undefined) throw failure(`there is no ${clusterFile}, so no key to compare with`);
  if ('masterKeyId' in key)
    throw failure(`the master key is ${key.masterKeyId} of a KMS, in no file`);
  requireKey(copy, key);
};

/**
 * Parses the list of nodes that somebody types: `HOST,HOST,HOST`, or `HOST:ETCD_PORT:PEER_PORT` for
 * each. Returns it as `parseNodes` reads them. Throws a user-facing error for any other text,
 * and if there are not 1, 3, 5 or 7 nodes.
 */
export const nodesOf = (text: string): string => {
  const nodes = text.split(',').map((part, index) => {
    const [host = '', etcdPort = '2380', peerPort = '2390', ...rest] = part.trim().split(':');
    return `${index + 1}=${[host, etcdPort, peerPort, ...rest].join(':')}`;
  });
  if (nodes.length % 2 === 0 || nodes.length > 7) throw usage('--nodes takes 1, 3, 5 or 7 hosts');
  const joined = nodes.join(',');
  try {
    parseNodes(joined);
  } catch (cause) {
    throw usage('--nodes takes HOST,HOST,HOST, each HOST or HOST:ETCD_PORT:PEER_PORT', cause);
  }
  return joined;
};
