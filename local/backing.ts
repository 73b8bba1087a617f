/**
 * What the functions stand on: the data folder, the master key and the store. Each is started here unless the
 * environment names another one, and all of it is stopped again if any of it fails.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { failure, sentenceOf } from './command.ts';
import { lockDataFolder, openDataFolder } from './data-folder.ts';
import { dynamodbLocal } from './dynamodb/dynamodb-local.ts';
import { dynoxide } from './dynamodb/dynoxide.ts';
import { ensureTable } from './dynamodb/table.ts';
import { startStore } from './dynamodb.ts';
import { applyEnvironment, environmentOf } from './environment.ts';
import { startKms } from './kms.ts';
import type { Running } from './running.ts';
import type { TableDefinition } from './template.ts';
import { openTokenKey } from './token-key.ts';

export type StoreName = 'dynoxide' | 'dynamodb-local';

export type BackingOptions = {
  /** Holds template.yaml and node_modules. */
  readonly root: string;
  readonly folder: string;
  readonly store: StoreName;
  readonly table: TableDefinition;
  readonly report: (line: string) => void;
};

export type Backing = {
  readonly running: Omit<Running, 'url'>;
  /** Settles only if a part died and could not be kept running; says why. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

const checkTable = async (name: string, table: TableDefinition): Promise<void> => {
  const client = new DynamoDBClient({});
  try {
    await ensureTable(client, name, table);
  } catch (error) {
    if (error instanceof Error && error.name === 'Failure') throw error;
    const endpoint = process.env['AWS_ENDPOINT_URL_DYNAMODB'];
    throw failure(`the store at ${endpoint} cannot be used: ${sentenceOf(error)}`, {
      cause: error,
    });
  } finally {
    client.destroy();
  }
};

/**
 * Starts the parts and puts what the functions must know into this process's environment, so that they may be
 * imported. Throws one sentence if a part cannot be had; nothing is left running then.
 */
export const startBacking = async (options: BackingOptions): Promise<Backing> => {
  const { root, folder, report } = options;
  openDataFolder(folder);
  const lock = lockDataFolder(folder);
  const closers: (() => void | Promise<void>)[] = [lock.release];
  const close = async (): Promise<void> => {
    for (const closeOne of closers.splice(0).reverse()) await closeOne();
  };
  try {
    const { jwks } = await openTokenKey(folder);
    const kms = process.env['AWS_ENDPOINT_URL_KMS'] ? undefined : await startKms({ folder });
    if (kms) closers.push(kms.close);
    const startLocalStore = async () =>
      startStore(
        options.store === 'dynoxide' ? dynoxide(root) : await dynamodbLocal(),
        folder,
        report,
      );
    const isGiven = Boolean(process.env['AWS_ENDPOINT_URL_DYNAMODB']);
    const store = isGiven ? undefined : await startLocalStore();
    if (store) closers.push(store.close);
    applyEnvironment(environmentOf(process.env, { storeEndpoint: store?.endpoint, kms, jwks }));
    const { TABLE_NAME: tableName = '', MASTER_KEY_ID: masterKeyId = '' } = process.env;
    await checkTable(tableName, options.table);
    return {
      running: {
        dynamodbEndpoint: process.env['AWS_ENDPOINT_URL_DYNAMODB'] ?? '',
        kmsEndpoint: process.env['AWS_ENDPOINT_URL_KMS'] ?? '',
        kmsIsLocal: kms !== undefined,
        tableName,
        masterKeyId,
      },
      failed: store?.failed ?? new Promise(() => undefined),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};
