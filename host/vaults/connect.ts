/** Opens the table and the master key of a data folder, for commands that use both. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { createDynamodbTable } from '../../functions/dynamodb/dynamodb-table.ts';
import type { KeyService } from '../../functions/kms/key-service.ts';
import { createKmsKey } from '../../functions/kms/kms-key.ts';
import type { RestorableTable, Table } from '../../functions/store/ports.ts';
import { failure } from '../../system/failures.ts';
import { givenVaultId, openVaultId } from '../identity/vault-id.ts';
import { createFileKey } from '../kms/file-key.ts';
import {
  findKeyId,
  followMasterKey,
  type KeyIdentity,
  type MasterKey,
  masterKeyFile,
} from '../kms/key-file.ts';
import { findKeyIdentity, findVaultKey, isKeyInKms } from '../kms/vault-key.ts';
import { findClusterFile } from '../node/cluster-file.ts';
import { regionIn } from '../process/region.ts';
import { type RunningVault, runningRecord } from '../process/vault-records.ts';
import { requireOwnStore } from '../single/own-store.ts';
import { storeFile } from '../sqlite/database.ts';
import { openSqliteStore } from '../sqlite/sqlite-store.ts';

export type Connection = {
  readonly table: Table;
  readonly masterKey: KeyService;
  readonly vaultId: string;
  readonly tableName: string;
  readonly masterKeyId: string;
  /** The master key if it is in a file, and whether its check value is known. */
  readonly keyFile?: KeyFile | undefined;
  readonly close: () => Promise<void>;
};
type KeyFile = { readonly file: string; readonly key: MasterKey; readonly isProved: boolean };

type VaultAddress = Omit<RunningVault, 'url' | 'takesLocalTokens'>;

/**
 * Opens the master key in this file. `arn` is the key's ARN, which the vault's record contains, and
 * `own` is what is remembered about the key.
 */
const openKey = (file: string, arn: string, own: KeyIdentity | undefined): KeyFile => {
  const keyId = findKeyId(arn) ?? '';
  const isProved = own?.keyId === keyId;
  return { file, key: followMasterKey(file, isProved ? own : { keyId }), isProved };
};

/** A DynamoDB table elsewhere, accessed with the user's own credentials. */
const tableElsewhere = ({
  dynamodbEndpoint,
  tableName,
}: Pick<VaultAddress, 'dynamodbEndpoint' | 'tableName'>): Table => {
  const options = {
    region: regionIn(process.env),
    ...(dynamodbEndpoint && { endpoint: dynamodbEndpoint }),
  };
  return createDynamodbTable(new DynamoDBClient(options), tableName);
};

/**
 * Connects to the table and the master key of the vault. `own` is what is remembered about the key
 * if it is in a file.
 */
const connectTo = <Held extends Table>(
  vault: VaultAddress,
  table: Held,
  own: KeyIdentity | undefined,
): Connection & { readonly table: Held } => {
  const { masterKeyFile: file, masterKeyId, kmsEndpoint, vaultId, tableName } = vault;
  const keyFile = file === undefined ? undefined : openKey(file, masterKeyId, own);
  const kms = new KMSClient({
    region: regionIn(process.env),
    ...(kmsEndpoint && { endpoint: kmsEndpoint }),
  });
  const masterKey = keyFile ? createFileKey(keyFile.key) : createKmsKey(kms, masterKeyId);
  const close = async (): Promise<void> => {
    await table.close();
    kms.destroy();
  };
  return { table, masterKey, vaultId, tableName, masterKeyId, keyFile, close };
};

/**
 * Whether the folder belongs to a node of a cluster, running or not. Before the node's first start,
 * the folder is empty, and only `VAULT_NODE` shows it.
 */
export const isNodeFolder = (folder: string): boolean =>
  existsSync(join(folder, 'node.json')) || Boolean(process.env['VAULT_NODE']);

/** Returns the path of the cluster file of the node in the folder. */
export const clusterFileOf = (folder: string): string =>
  process.env['VAULT_CLUSTER_FILE'] || join(folder, '..', 'cluster.json');

/**
 * Connects to the running node of the folder, and to the cluster's master key. Throws a user-facing
 * error if the node does not run: only its own etcd can read its files.
 */
export const connectToNode = async (
  folder: string,
): Promise<Connection & { readonly table: RestorableTable }> => {
  const running = runningRecord.find(folder);
  if (running === undefined) {
    throw failure(
      `the node of ${folder} does not run: start it, or set VAULT_DATA_DIR to the folder of a node that runs`,
    );
  }
  const { key } = findClusterFile(clusterFileOf(folder)) ?? {};
  const own = key && 'keyId' in key ? key : undefined;
  const { openNodeTable } = await import('./node-table.ts');
  return connectTo(running, await openNodeTable(folder), own);
};

/** Whether the environment names both a DynamoDB and a KMS. Then no data folder is read. */
export const namesServices = ({
  AWS_ENDPOINT_URL_DYNAMODB: dynamodb,
  AWS_ENDPOINT_URL_KMS: kms,
}: NodeJS.ProcessEnv): boolean => Boolean(dynamodb && kms);

/**
 * Connects to the table and the key that the environment names, with the user's own credentials.
 * Returns `undefined` unless both services are named. Throws a user-facing error if they are, but
 * the vault, the table or the key is not.
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
  const vault = { dynamodbEndpoint, kmsEndpoint, vaultId, tableName, masterKeyId };
  return connectTo(vault, tableElsewhere(vault), undefined);
};

type TableAddress = Pick<VaultAddress, 'dynamodbEndpoint' | 'tableName' | 'vaultId'>;

/**
 * Returns where `npm start` has its data for this folder. Throws a user-facing error if it would
 * create a new, empty vault.
 */
const findStopped = (folder: string): TableAddress => {
  const { AWS_ENDPOINT_URL_DYNAMODB: dynamodbEndpoint } = process.env;
  const isStoreHere = Boolean(dynamodbEndpoint) || existsSync(join(folder, storeFile));
  if (!isStoreHere) {
    throw failure(
      `there is no vault in the data folder ${folder}: set VAULT_DATA_DIR to the folder of a vault`,
    );
  }
  return {
    ...(dynamodbEndpoint && { dynamodbEndpoint }),
    vaultId: dynamodbEndpoint ? givenVaultId(process.env) : openVaultId(folder, process.env),
    tableName: process.env['TABLE_NAME'] || 'vault',
  };
};

/**
 * Returns the key with which `npm start` would open the data. Throws a user-facing error if it is
 * missing, damaged or of another vault.
 */
const keyOfStopped = (folder: string) => {
  if (isKeyInKms(process.env)) {
    const { AWS_ENDPOINT_URL_KMS: kmsEndpoint, MASTER_KEY_ID: masterKeyId = '' } = process.env;
    return { kmsEndpoint, masterKeyId };
  }
  const { arn } = findVaultKey(folder, process.env, true);
  return { masterKeyFile: masterKeyFile(folder, process.env), masterKeyId: arn };
};

/**
 * Connects to the vault that the environment names. If there is none, connects to the node that
 * runs in the folder, or to the vault of the folder, whether it runs or not. Throws a user-facing
 * error if the folder has no vault, one of an older release, or a node that is stopped.
 */
export const connectToFolder = async (
  folder: string,
  access: 'read' | 'write' = 'read',
): Promise<Connection> => {
  const named = connectToNamed(process.env);
  if (named !== undefined) return named;
  if (isNodeFolder(folder)) return await connectToNode(folder);
  const running = runningRecord.find(folder);
  if (!(running?.dynamodbEndpoint ?? process.env['AWS_ENDPOINT_URL_DYNAMODB'])) {
    requireOwnStore(folder);
  }
  const address = running ?? findStopped(folder);
  // A program that writes to a stopped store must first renew the log, as the next vault would.
  const mode = access === 'write' && running === undefined ? 'serve' : access;
  const table = address.dynamodbEndpoint
    ? tableElsewhere(address)
    : openSqliteStore(join(folder, storeFile), mode);
  const vault = running ?? { ...address, ...keyOfStopped(folder) };
  return connectTo(vault, table, findKeyIdentity(folder));
};
