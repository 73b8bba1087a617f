/** The stores of items that tests run over: `TEST_STORE` names one, by default the embedded one. */
import { DeleteItemCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { createDynamodbTable } from '../../functions/dynamodb/dynamodb-table.ts';
import type { Item } from '../../functions/store/items.ts';
import type { Table } from '../../functions/store/ports.ts';
import { dynoxide } from '../../local/dynamodb/dynoxide.ts';
import { ensureTable } from '../../local/dynamodb/ensure-table.ts';
import { startStore, uncheckedKey } from '../../local/dynamodb/local-store.ts';
import { startHttpFront } from '../../local/etcd/http-front.ts';
import { readTemplate } from '../../local/template.ts';
import { startEtcdFront } from './etcd-front.ts';

/** The changes of somebody who can write to the store without the vault. */
export type RawItems = {
  readonly put: (item: Item) => Promise<unknown>;
  readonly remove: (item: Item) => Promise<unknown>;
};

export type TestStore = {
  readonly table: Table;
  readonly raw: RawItems;
  readonly dynamodb: DynamoDBClient;
  readonly close: () => Promise<void>;
};

export const tableName = 'vault';

/** Starts a store without items. `folder` is an empty folder for its files. */
export const startTestStore = async (folder: string): Promise<TestStore> => {
  const { endpoint, close } = await startEndpoint(folder);
  const dynamodb = new DynamoDBClient({
    ...{ region: 'us-east-1', credentials: uncheckedKey, maxAttempts: 1, endpoint },
  });
  await ensureTable(dynamodb, tableName, (await readTemplate()).table);
  const table = createDynamodbTable(dynamodb, tableName);
  return {
    dynamodb,
    table,
    raw: rawItemsOf(dynamodb),
    close: async () => {
      await table.close();
      await close();
    },
  };
};

const startEndpoint = async (folder: string) => {
  if (process.env['TEST_STORE'] !== 'etcd') {
    return await startStore(dynoxide(process.cwd()), folder, () => {});
  }
  const { front, close } = await startEtcdFront();
  const served = await startHttpFront({ front, status: () => ({}) });
  return {
    endpoint: served.endpoint,
    close: async () => {
      await served.close();
      await close();
    },
  };
};

const rawItemsOf = (client: DynamoDBClient): RawItems => ({
  put: (item) => client.send(new PutItemCommand({ TableName: tableName, Item: { ...item } })),
  remove: ({ pk = { S: '' }, sk = { S: '' } }) =>
    client.send(new DeleteItemCommand({ TableName: tableName, Key: { pk, sk } })),
});
