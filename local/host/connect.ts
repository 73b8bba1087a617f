/** Opens the table and the master key of a data folder, for commands that read them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { failure } from '../../system/failures.ts';
import { findCertificates } from '../cluster/certificates.ts';
import {
  createKeyTransport,
  readClusterFile,
  type TlsFiles,
  uncheckedKey,
} from '../cluster/cluster-file.ts';
import { restoreFolder, storeFile } from '../dynamodb/dynoxide.ts';
import { type Credentials, openMasterKey } from '../kms/master-key.ts';
import { answerWith, masterKeyFile } from '../kms/server.ts';
import { type Unwrap, unwrapHere } from '../verify/opening.ts';
import { findRunning, type Running } from './running.ts';
import { startParts } from './services.ts';
import { givenVaultId } from './vault-id.ts';

export type Connection = {
  readonly dynamodb: DynamoDBClient;
  readonly kms: KMSClient;
  readonly vaultId: string;
  readonly tableName: string;
  readonly masterKeyId: string;
  /** Unwraps data keys in this process, if the master key is in the folder. */
  readonly unwrap: Unwrap | undefined;
  readonly close: () => Promise<void>;
};

type Given = {
  readonly credentials: Credentials | undefined;
  readonly unwrap?: Unwrap | undefined;
  readonly close?: () => Promise<void>;
  readonly tls?: TlsFiles | undefined;
  readonly maxAttempts?: number;
};

/**
 * A node is away for seconds now and then: another one takes over, or etcd hashes a large copy. So many attempts take 5
 * to 25 seconds.
 */
const attemptsMax = 9;

const connectTo = (
  vault: Omit<Running, 'url' | 'takesLocalTokens'>,
  { credentials, unwrap, close, tls, maxAttempts }: Given,
): Connection => {
  const options = {
    region: process.env['AWS_REGION'] || 'us-east-1',
    // If the KMS is not the local one, the client uses the user's own access key.
    ...(credentials && { credentials: { ...credentials } }),
    ...(maxAttempts !== undefined && { maxAttempts }),
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
    vaultId: vault.vaultId,
    tableName: vault.tableName,
    masterKeyId: vault.masterKeyId,
    unwrap,
    close: async () => {
      dynamodb.destroy();
      kms.destroy();
      await close?.();
    },
  };
};

/** Connects to the vault that runs on the folder; throws a sentence if no vault runs. */
export const connectToRunning = (folder: string): Connection => {
  const running = findRunning(folder);
  if (running === undefined) {
    throw failure(`no vault runs on the data folder ${folder}: npm start starts one`);
  }
  const key = running.kmsIsLocal ? openMasterKey(masterKeyFile(folder)) : undefined;
  return connectTo(running, {
    credentials: key?.credentials,
    unwrap: key && unwrapHere(answerWith(key), running.masterKeyId),
    tls: findCertificates(folder),
  });
};

/** Whether the folder is a node's of a cluster, running or not. The folder is empty before the node's first start. */
export const isNodeFolder = (folder: string): boolean =>
  existsSync(join(folder, 'node.json')) || Boolean(process.env['VAULT_NODE']);

/** Returns the cluster file of the node in the folder. */
export const clusterFileOf = (folder: string): string =>
  process.env['VAULT_CLUSTER_FILE'] || join(folder, '..', 'cluster.json');

/**
 * Connects to the node of a cluster that runs on the folder, and to the cluster's master key. Throws a sentence if the
 * node does not run: its data are in etcd's files, which only its own etcd reads.
 */
export const connectToNode = (folder: string): Connection => {
  const running = findRunning(folder);
  if (running === undefined) {
    throw failure(
      `the node of ${folder} does not run: start it, or set VAULT_DATA_DIR to the folder of a node that runs`,
    );
  }
  const { tls } = readClusterFile(clusterFileOf(folder));
  return connectTo(running, { credentials: uncheckedKey, tls, maxAttempts: attemptsMax });
};

/** Whether the environment names both services, so that no data folder is read. */
export const namesServices = ({
  AWS_ENDPOINT_URL_DYNAMODB: dynamodb,
  AWS_ENDPOINT_URL_KMS: kms,
}: NodeJS.ProcessEnv): boolean => Boolean(dynamodb && kms);

/**
 * Connects to the table and the key that the environment names, with the user's own credentials. Returns `undefined` if
 * it does not name both services. Throws a sentence if it names the services, but not the vault, the table or the key.
 */
const connectToNamed = (environment: NodeJS.ProcessEnv): Connection | undefined => {
  const { AWS_ENDPOINT_URL_DYNAMODB: dynamodbEndpoint, AWS_ENDPOINT_URL_KMS: kmsEndpoint } =
    environment;
  if (!dynamodbEndpoint || !kmsEndpoint) return undefined;
  const { TABLE_NAME: tableName, MASTER_KEY_ID: masterKeyId } = environment;
  const vaultId = givenVaultId(environment);
  if (!tableName || !masterKeyId) {
    throw failure('TABLE_NAME and MASTER_KEY_ID must be set where both services are elsewhere');
  }
  const vault = { dynamodbEndpoint, kmsEndpoint, kmsIsLocal: false };
  return connectTo({ ...vault, vaultId, tableName, masterKeyId }, { credentials: undefined });
};

/**
 * Connects to the vault that the environment names, else to the node or the vault that runs on the folder. If none runs,
 * starts the store and the KMS of the folder and connects to them; `close` ends them. Throws a sentence if the folder
 * holds no vault, or a node that does not run.
 */
export const connectToFolder = async (root: string, folder: string): Promise<Connection> => {
  const named = connectToNamed(process.env);
  if (named !== undefined) return named;
  if (isNodeFolder(folder)) return connectToNode(folder);
  if (findRunning(folder) !== undefined) return connectToRunning(folder);
  const isKeyHere = existsSync(masterKeyFile(folder)) || process.env['AWS_ENDPOINT_URL_KMS'];
  // Without this a new, empty store would be made. `startParts` reports a restore that did not end.
  const isStoreHere =
    [storeFile, restoreFolder].some((name) => existsSync(join(folder, name))) ||
    process.env['AWS_ENDPOINT_URL_DYNAMODB'];
  if (!isKeyHere || !isStoreHere) {
    throw failure(`there is no vault in the data folder ${folder}`);
  }
  const parts = await startParts({ root, folder, store: 'dynoxide', report: () => undefined });
  const vault = {
    dynamodbEndpoint: parts.store?.endpoint ?? process.env['AWS_ENDPOINT_URL_DYNAMODB'] ?? '',
    kmsEndpoint: parts.kms?.endpoint ?? process.env['AWS_ENDPOINT_URL_KMS'] ?? '',
    kmsIsLocal: parts.kms !== undefined,
    vaultId: parts.vaultId,
    tableName: process.env['TABLE_NAME'] || 'vault',
    masterKeyId: process.env['MASTER_KEY_ID'] || parts.kms?.keyArn || '',
  };
  return connectTo(vault, {
    credentials: parts.kms?.credentials,
    unwrap: parts.kms && unwrapHere(parts.kms.answer, vault.masterKeyId),
    close: parts.close,
  });
};
