/**
 * The services that the functions use: the data folder with the id of the vault, the master key and the store. Each is
 * started here unless the environment names another one. If any of it fails, all of it is stopped again.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { useTransport } from '../../functions/runtime/clients.ts';
import { failure, isFailure, sentenceOf } from '../../system/failures.ts';
import { dynamodbLocal } from '../dynamodb/dynamodb-local.ts';
import { dynoxide, restoreFolder, storeFile } from '../dynamodb/dynoxide.ts';
import { ensureTable, ensureTimeToLive } from '../dynamodb/ensure-table.ts';
import { type LocalStore, type StoreProgram, startStore } from '../dynamodb/local-store.ts';
import { applyEnvironment, environmentOf } from '../gateway/functions.ts';
import { createTransport } from '../http/in-process.ts';
import { openTokenKey } from '../identity/token-key.ts';
import { givenVaultId, openVaultId } from '../identity/vault-id.ts';
import { answerWith } from '../kms/embedded-kms.ts';
import { type MasterKey, masterKeyFile } from '../kms/key-file.ts';
import { warnOfKey } from '../kms/key-warning.ts';
import { checkKmsKey, isKeyInKms, openVaultKey } from '../kms/vault-key.ts';
import { lockDataFolder, openDataFolder } from '../process/data-folder.ts';
import { type Closer, closeAll } from '../process/ending.ts';
import type { Running } from '../process/process-record.ts';
import type { TableDefinition } from '../template.ts';

type StoreName = 'dynoxide' | 'dynamodb-local';

export type PartsOptions = {
  /** Holds template.yaml and node_modules. */
  readonly root: string;
  readonly folder: string;
  readonly store: StoreName;
  /** Gets one line each time a part is restarted. */
  readonly report: (line: string) => void;
};

/** The parts that run here. A part is absent if the environment names another one. */
export type Parts = {
  /** The id of the vault in the folder, or `VAULT_ID` if the store is elsewhere. */
  readonly vaultId: string;
  /** Absent if the key is in a KMS. */
  readonly key: MasterKey | undefined;
  readonly store: LocalStore | undefined;
  readonly close: () => Promise<void>;
};

export type Services = {
  readonly running: Omit<Running, 'url' | 'takesLocalTokens'>;
  /** Settles only if a part died and could not be restarted; the error says why. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

const findStore = ({ root, store }: PartsOptions): StoreProgram =>
  store === 'dynoxide'
    ? dynoxide(root)
    : dynamodbLocal({ root, installPath: join(root, '.local', 'dynamodb-local') });

/** The files and folders in the data folder in which the stores keep their data. */
const storeFiles = [storeFile, 'dynamodb-local'];

/** A new key would open none of the data in the folder, so a key is made only where there are none. */
const hasData = (folder: string): boolean =>
  storeFiles.some((file) => existsSync(join(folder, file)));

/** Opens the key file of the vault, unless its key is in a KMS. */
const openKey = (folder: string): MasterKey | undefined => {
  if (!isKeyInKms(process.env))
    return openVaultKey(folder, process.env, hasData(folder), warnOfKey);
  const { MASTER_KEY_ID: masterKeyId } = process.env;
  if (masterKeyId) checkKmsKey(folder, masterKeyId);
  return undefined;
};

/** Throws if a restore into the folder has not ended. The new, empty store would look like the vault. */
const checkIsRestored = (folder: string): void => {
  const draft = join(folder, restoreFolder);
  if (!existsSync(draft) || existsSync(join(folder, storeFile))) return;
  throw failure(
    `a restore into ${folder} did not end: run npm run restore again, or delete ${draft} to begin without the backup`,
  );
};

/**
 * Locks the data folder, reads the id of the vault, and starts the master key and the store. Throws one sentence if a
 * part cannot be started; nothing is left running then.
 */
export const startParts = async (options: PartsOptions): Promise<Parts> => {
  const { folder, report } = options;
  openDataFolder(folder);
  const closers: Closer[] = [lockDataFolder(folder).release];
  const close = () => closeAll(closers);
  const { AWS_ENDPOINT_URL_DYNAMODB: otherStore } = process.env;
  try {
    if (!otherStore) checkIsRestored(folder);
    const vaultId = otherStore ? givenVaultId(process.env) : openVaultId(folder, process.env);
    const key = openKey(folder);
    const store = otherStore ? undefined : await startStore(findStore(options), folder, report);
    if (store) closers.push(store.close);
    return { vaultId, key, store, close };
  } catch (error) {
    await close().catch((later) => report(sentenceOf(later)));
    throw error;
  }
};

const checkTable = async (name: string, table: TableDefinition): Promise<void> => {
  const client = new DynamoDBClient({});
  try {
    await ensureTable(client, name, table);
    await ensureTimeToLive(client, name, table);
  } catch (error) {
    if (isFailure(error)) throw error;
    const endpoint = process.env['AWS_ENDPOINT_URL_DYNAMODB'];
    throw failure(`the store at ${endpoint} cannot be used: ${sentenceOf(error)}`, {
      cause: error,
    });
  } finally {
    client.destroy();
  }
};

/**
 * Starts the parts, creates the table if it is missing, and sets the environment variables that the functions need, so
 * that they may be imported. Throws like `startParts`.
 */
export const startServices = async (
  options: PartsOptions & { readonly table: TableDefinition },
): Promise<Services> => {
  const parts = await startParts(options);
  const { vaultId, key, store, close } = parts;
  try {
    const { jwks } = await openTokenKey(options.folder);
    applyEnvironment(
      environmentOf(process.env, {
        ...{ vaultId, jwks },
        storeEndpoint: store?.endpoint,
        keyArn: key?.arn,
      }),
    );
    if (key) useTransport('KMS', createTransport(answerWith(key)));
    const { TABLE_NAME: tableName = '', MASTER_KEY_ID: masterKeyId = '' } = process.env;
    await checkTable(tableName, options.table);
    return {
      running: {
        dynamodbEndpoint: process.env['AWS_ENDPOINT_URL_DYNAMODB'] ?? '',
        ...(key
          ? { masterKeyFile: resolve(masterKeyFile(options.folder, process.env)) }
          : { kmsEndpoint: process.env['AWS_ENDPOINT_URL_KMS'] }),
        storeIsEmbedded: store !== undefined && options.store === 'dynoxide',
        vaultId,
        tableName,
        masterKeyId,
      },
      failed: store?.failed ?? new Promise(() => undefined),
      close,
    };
  } catch (error) {
    await close().catch((later) => options.report(sentenceOf(later)));
    throw error;
  }
};
