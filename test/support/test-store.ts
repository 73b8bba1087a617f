/** The stores of items that tests run over: `TEST_STORE` names one, by default SQLite. */
import { join } from 'node:path';
import { DeleteItemCommand, type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { createDynamodbTable } from '../../functions/dynamodb/dynamodb-table.ts';
import type { Item } from '../../functions/store/items.ts';
import type { Table } from '../../functions/store/ports.ts';
import { ensureTable } from '../../local/dynamodb/ensure-table.ts';
import { createEtcdItems } from '../../local/etcd/etcd-items.ts';
import { createEtcdTable } from '../../local/etcd/etcd-table.ts';
import { createEtcd } from '../../local/etcd/group-commit.ts';
import { createGuardedWrites, type ItemWrite } from '../../local/etcd/guarded-writes.ts';
import { storeFile } from '../../local/sqlite/database.ts';
import { openSqliteStore } from '../../local/sqlite/sqlite-store.ts';
import { readTemplate } from '../../local/template.ts';
import { startDynamodb } from './dynamodb.ts';
import { requestContext } from './requests.ts';
import { startSingleEtcd } from './single-etcd.ts';
import { putRow, removeRow } from './sqlite-file.ts';

/** The changes of somebody who can write to the store without the vault. */
export type RawItems = {
  readonly put: (item: Item) => Promise<unknown>;
  readonly remove: (item: Item) => Promise<unknown>;
};

export type TestStore = {
  readonly table: Table;
  readonly raw: RawItems;
  /** Throws if the store does not speak DynamoDB's protocol. */
  readonly dynamodb: () => DynamoDBClient;
  readonly close: () => Promise<void>;
};

export const tableName = 'vault';

/** Where tests keep items. `dynamodb` is dynoxide. */
export type StoreName = 'sqlite' | 'dynamodb' | 'dynamodb-local' | 'etcd';

/** The store that the whole run is over, unless a test needs DynamoDB. */
const storeName = (process.env['TEST_STORE'] || 'sqlite') as StoreName;

/** Starts a store without items. `folder` is an empty folder for its files. */
export const startTestStore = async (folder: string, name = storeName): Promise<TestStore> =>
  name === 'sqlite'
    ? startSqlite(folder)
    : name === 'etcd'
      ? await startEtcd()
      : await startProtocol(folder);

const noProtocol = (): never => {
  throw new Error('this store does not speak the protocol of DynamoDB');
};

const startSqlite = (folder: string): TestStore => {
  const file = join(folder, storeFile);
  const table = openSqliteStore(file, 'serve');
  return {
    table,
    raw: {
      put: async (item) => putRow(file, item),
      remove: async (item) => removeRow(file, item),
    },
    dynamodb: noProtocol,
    close: table.close,
  };
};

const startProtocol = async (folder: string): Promise<TestStore> => {
  const { client, close } = await startDynamodb(folder);
  await ensureTable(client, tableName, (await readTemplate()).table);
  const table = createDynamodbTable(client, tableName);
  return { dynamodb: () => client, table, raw: rawItemsOf(client), close };
};

const startEtcd = async (): Promise<TestStore> => {
  const { client, close } = await startSingleEtcd();
  const etcd = createEtcd({
    client,
    onGoneBack: (why) => {
      throw new Error(why);
    },
  });
  const itemsOf = createEtcdItems(etcd);
  const { write } = createGuardedWrites(etcd);
  const change = ({ pk, sk }: Item, how: ItemWrite['change']) =>
    write(
      [{ key: { pk: pk?.S ?? '', sk: sk?.S ?? '' }, isExpected: () => true, change: how }],
      performance.now() + 10_000,
    );
  const table = createEtcdTable(client, {
    write: (guards) => itemsOf(requestContext()).write(guards),
  });
  return {
    table: { ...table, itemsOf },
    raw: { put: (item) => change(item, { put: item }), remove: (item) => change(item, 'delete') },
    dynamodb: noProtocol,
    close,
  };
};

const rawItemsOf = (client: DynamoDBClient): RawItems => ({
  put: (item) => client.send(new PutItemCommand({ TableName: tableName, Item: { ...item } })),
  remove: ({ pk = { S: '' }, sk = { S: '' } }) =>
    client.send(new DeleteItemCommand({ TableName: tableName, Key: { pk, sk } })),
});

const callsOfDynamodb: Readonly<Record<string, string>> = {
  GetItem: 'Get',
  TransactGetItems: 'Get',
  BatchGetItem: 'Get',
  PutItem: 'Write',
  TransactWriteItems: 'Write',
  DescribeTable: 'Probe',
};

/** The calls of a journal, by the names that all stores but DynamoDB give them. */
export const callsOfPort = (calls: readonly string[]): readonly string[] =>
  calls.map((call) => callsOfDynamodb[call] ?? call);
