/** The table and the master key of a data folder, for commands that look at them. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { startParts } from './backing.ts';
import { findCertificates } from './cluster/certificates.ts';
import { readClusterFile, type TlsFiles } from './cluster/cluster-file.ts';
import { createKeyTransport } from './cluster/key-transport.ts';
import { failure, sentenceOf } from './command.ts';
import { dynoxide } from './dynamodb/dynoxide.ts';
import { startStore } from './dynamodb.ts';
import { closeAtEnd } from './ending.ts';
import { type Credentials, openMasterKey } from './kms/master-key.ts';
import { masterKeyFile } from './kms.ts';
import { findRunning, type Running } from './running.ts';

export type Connection = {
  readonly dynamodb: DynamoDBClient;
  readonly kms: KMSClient;
  readonly tableName: string;
  readonly masterKeyId: string;
  readonly close: () => Promise<void>;
};

const connectTo = (
  vault: Omit<Running, 'url' | 'takesLocalTokens'>,
  credentials: Credentials | undefined,
  close: () => Promise<void>,
  tls?: TlsFiles,
): Connection => {
  const options = {
    region: process.env['AWS_REGION'] || 'us-east-1',
    // Without them, for a KMS that is not the local one, the user's own access key is used.
    ...(credentials && { credentials: { ...credentials } }),
  };
  const dynamodb = new DynamoDBClient({ ...options, endpoint: vault.dynamodbEndpoint });
  const kms = new KMSClient({
    ...options,
    endpoint: vault.kmsEndpoint,
    // The KMS of a cluster answers by TLS only.
    ...(tls && { requestHandler: createKeyTransport(vault.kmsEndpoint, tls) }),
  });
  return {
    dynamodb,
    kms,
    tableName: vault.tableName,
    masterKeyId: vault.masterKeyId,
    close: async () => {
      dynamodb.destroy();
      kms.destroy();
      await close();
    },
  };
};

/** Connects to the vault that runs on the folder; throws a sentence if none does. */
export const connectToRunning = (folder: string): Connection => {
  const running = findRunning(folder);
  if (running === undefined) {
    throw failure(`no vault runs on the data folder ${folder}: npm start starts one`);
  }
  const credentials = running.kmsIsLocal
    ? openMasterKey(masterKeyFile(folder)).credentials
    : undefined;
  return connectTo(running, credentials, async () => undefined, findCertificates(folder));
};

/**
 * Connects to a copy of a node's own store, taken now, and to the master key of its cluster, which must run. Not to its
 * front: that answers only while the node serves, and what this node holds is what is asked for.
 */
const connectToNode = async (root: string, folder: string): Promise<Connection> => {
  const clusterFile = process.env['VAULT_CLUSTER_FILE'] || join(folder, '..', 'cluster.json');
  const { kms, tls } = readClusterFile(clusterFile);
  const file = join(folder, 'store.sqlite');
  if (!existsSync(file)) throw failure(`there is no store in the node's folder ${folder}`);
  const copy = mkdtempSync(join(tmpdir(), 'vault-inspect-'));
  const remove = () => rmSync(copy, { recursive: true, force: true });
  closeAtEnd(remove);
  try {
    const database = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
    try {
      database.prepare('VACUUM INTO ?').run(join(copy, 'store.sqlite'));
    } finally {
      database.close();
    }
    const store = await startStore(dynoxide(root), copy, () => undefined);
    const vault = {
      dynamodbEndpoint: store.endpoint,
      kmsEndpoint: kms.endpoint,
      kmsIsLocal: false,
      tableName: 'vault',
      masterKeyId: kms.keyArn,
    };
    const close = async () => {
      await store.close();
      remove();
    };
    return connectTo(vault, kms.credentials, close, tls);
  } catch (error) {
    remove();
    throw failure(`the store in ${folder} cannot be read: ${sentenceOf(error)}`, { cause: error });
  }
};

/**
 * Connects to what the folder holds: a node's store, the vault that runs on it, or else its store and its KMS, which
 * are started until `close`.
 */
export const connectToFolder = async (root: string, folder: string): Promise<Connection> => {
  if (existsSync(join(folder, 'node.json'))) return await connectToNode(root, folder);
  if (findRunning(folder) !== undefined) return connectToRunning(folder);
  if (!existsSync(masterKeyFile(folder)) && !process.env['AWS_ENDPOINT_URL_KMS']) {
    throw failure(`there is no vault in the data folder ${folder}`);
  }
  const parts = await startParts({ root, folder, store: 'dynoxide', report: () => undefined });
  const vault = {
    dynamodbEndpoint: parts.store?.endpoint ?? process.env['AWS_ENDPOINT_URL_DYNAMODB'] ?? '',
    kmsEndpoint: parts.kms?.endpoint ?? process.env['AWS_ENDPOINT_URL_KMS'] ?? '',
    kmsIsLocal: parts.kms !== undefined,
    tableName: process.env['TABLE_NAME'] || 'vault',
    masterKeyId: process.env['MASTER_KEY_ID'] || parts.kms?.keyArn || '',
  };
  return connectTo(vault, parts.kms?.credentials, parts.close);
};
