/** Opens the table and the master key of a data folder, for commands that read them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { createDynamodbTable } from '../../functions/dynamodb/dynamodb-table.ts';
import { sendInProcess } from '../../functions/runtime/in-process.ts';
import type { Table } from '../../functions/store/ports.ts';
import { failure } from '../../system/failures.ts';
import { restoreFolder, storeFile } from '../dynamodb/dynoxide.ts';
import { uncheckedKey } from '../dynamodb/local-store.ts';
import { givenVaultId } from '../identity/vault-id.ts';
import { answerWith } from '../kms/embedded-kms.ts';
import {
  findKeyId,
  followMasterKey,
  type KeyIdentity,
  type MasterKey,
  masterKeyFile,
} from '../kms/key-file.ts';
import { findKeyIdentity, hasKeyFile, isKeyInKms } from '../kms/vault-key.ts';
import { findClusterFile, readClusterFile } from '../node/cluster-file.ts';
import { identityOnNode } from '../node/node-key.ts';
import { startParts } from './standalone.ts';
import { type RunningVault, runningRecord } from './vault-records.ts';

export type Connection = {
  readonly table: Table;
  readonly kms: KMSClient;
  readonly vaultId: string;
  readonly tableName: string;
  readonly masterKeyId: string;
  /** The master key if it is in a file, and whether its check value is known. */
  readonly keyFile?: KeyFile | undefined;
  readonly close: () => Promise<void>;
};
type KeyFile = { readonly file: string; readonly key: MasterKey; readonly isProved: boolean };

type ConnectOptions = {
  /** Whether the store checks no credentials. Otherwise the client uses the user's own. */
  readonly isStoreOpen?: boolean;
  readonly close?: () => Promise<void>;
  readonly maxAttempts?: number;
  /** What is remembered of the vault's key in a file. */
  readonly own?: KeyIdentity | undefined;
};

/**
 * Attempts of a call to a node. A node is away for seconds now and then: another one becomes leader, or etcd hashes a
 * large copy. Nine attempts take 5 to 25 seconds.
 */
const attemptsMax = 9;

type VaultAddress = Omit<RunningVault, 'url' | 'takesLocalTokens'>;

/** Opens the key in this file. The record of the vault has the ARN. */
const openKey = (file: string, arn: string, own: KeyIdentity | undefined): KeyFile => {
  const keyId = findKeyId(arn) ?? '';
  const identity = own?.keyId === keyId ? own : { keyId };
  const isProved = identity.check !== undefined;
  return { file, key: followMasterKey(file, identity), isProved };
};

const connectTo = (
  vault: VaultAddress,
  { isStoreOpen = false, close, maxAttempts, own }: ConnectOptions,
): Connection => {
  const { masterKeyFile: file, masterKeyId } = vault;
  const keyFile = file === undefined ? undefined : openKey(file, masterKeyId, own);
  const options = {
    region: process.env['AWS_REGION'] || 'us-east-1',
    ...(maxAttempts !== undefined && { maxAttempts }),
  };
  const dynamodb = new DynamoDBClient({
    ...options,
    endpoint: vault.dynamodbEndpoint,
    ...(isStoreOpen && { credentials: uncheckedKey }),
  });
  const kms = new KMSClient({
    ...options,
    ...(vault.kmsEndpoint && { endpoint: vault.kmsEndpoint }),
  });
  if (keyFile) sendInProcess(kms, answerWith(keyFile.key));
  const table = createDynamodbTable(dynamodb, vault.tableName);
  return {
    table,
    kms,
    vaultId: vault.vaultId,
    tableName: vault.tableName,
    ...{ masterKeyId, keyFile },
    close: async () => {
      await table.close();
      kms.destroy();
      await close?.();
    },
  };
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
  const running = runningRecord.find(folder);
  if (running === undefined) {
    throw failure(
      `the node of ${folder} does not run: start it, or set VAULT_DATA_DIR to the folder of a node that runs`,
    );
  }
  const clusterFile = clusterFileOf(folder);
  // The record of a node of 1.0.0 does not name the file of its key.
  const { key } = (running.masterKeyFile ? findClusterFile : readClusterFile)(clusterFile) ?? {};
  const own = key && 'keyId' in key ? identityOnNode(key, folder) : undefined;
  const file = running.masterKeyFile ?? (own && masterKeyFile(folder, process.env));
  return connectTo(
    { ...running, ...(file !== undefined && { masterKeyFile: file }) },
    { isStoreOpen: true, maxAttempts: attemptsMax, own },
  );
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
  return connectTo({ dynamodbEndpoint, kmsEndpoint, vaultId, tableName, masterKeyId }, {});
};

/**
 * Connects to the vault that the environment names, else to the node or the vault that runs on the folder. If none runs,
 * starts the store and the KMS of the folder and connects to them; `close` ends them. Throws a sentence if the folder
 * holds no vault, or a node that does not run.
 */
export const connectToFolder = async (folder: string): Promise<Connection> => {
  const named = connectToNamed(process.env);
  if (named !== undefined) return named;
  if (isNodeFolder(folder)) return connectToNode(folder);
  const running = runningRecord.find(folder);
  const own = findKeyIdentity(folder);
  if (running) return connectTo(running, { isStoreOpen: running.storeIsEmbedded === true, own });
  const isKeyKnown = isKeyInKms(process.env) || hasKeyFile(folder, process.env);
  // Without this a new, empty store would be made. `startParts` reports a restore that did not end.
  const isStoreHere =
    [storeFile, restoreFolder].some((name) => existsSync(join(folder, name))) ||
    process.env['AWS_ENDPOINT_URL_DYNAMODB'];
  if (!isKeyKnown || !isStoreHere) {
    throw failure(`there is no vault in the data folder ${folder}`);
  }
  const parts = await startParts({ folder, store: 'dynoxide', report: () => undefined });
  const vault = {
    dynamodbEndpoint: parts.store?.endpoint ?? process.env['AWS_ENDPOINT_URL_DYNAMODB'] ?? '',
    ...(parts.key
      ? { masterKeyFile: masterKeyFile(folder, process.env) }
      : { kmsEndpoint: process.env['AWS_ENDPOINT_URL_KMS'] }),
    vaultId: parts.vaultId,
    tableName: process.env['TABLE_NAME'] || 'vault',
    masterKeyId: parts.key?.arn ?? process.env['MASTER_KEY_ID'] ?? '',
  };
  return connectTo(vault, { isStoreOpen: parts.store !== undefined, close: parts.close, own });
};
