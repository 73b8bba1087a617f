/** The stores of items that tests can run over. `TEST_STORE` chooses one; SQLite is the default. */
import { join } from 'node:path';
import { DeleteItemCommand, type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { createDynamodbTable } from '../../functions/dynamodb/dynamodb-table.ts';
import { type Item, keyIn } from '../../functions/store/items.ts';
import type { Table } from '../../functions/store/ports.ts';
import { createEtcdItems } from '../../host/etcd/etcd-items.ts';
import { createEtcdTable } from '../../host/etcd/etcd-table.ts';
import { deleteExpired } from '../../host/etcd/expired-items.ts';
import { createEtcd } from '../../host/etcd/group-commit.ts';
import { createGuardedWrites, type ItemWrite } from '../../host/etcd/guarded-writes.ts';
import { ensureTable } from '../../host/single/ensure-table.ts';
import { storeFile } from '../../host/sqlite/database.ts';
import { openSqliteStore } from '../../host/sqlite/sqlite-store.ts';
import { startDynamodb } from './dynamodb.ts';
import { requestContext } from './requests.ts';
import { startSingleEtcd } from './single-etcd.ts';
import { putRow, removeRow } from './sqlite-file.ts';

/** Changes items directly, as somebody can who has write access to the store. */
export type RawItems = {
  readonly put: (item: Item) => Promise<unknown>;
  readonly remove: (item: Item) => Promise<unknown>;
};

export type TestStore = {
  readonly table: Table;
  readonly raw: RawItems;
  /** Deletes what expired before this second since the epoch, as the store does by itself. */
  readonly sweep: (second: number) => Promise<unknown>;
  /** Returns a client for the store. Throws if the store does not speak DynamoDB's protocol. */
  readonly dynamodb: () => DynamoDBClient;
  readonly close: () => Promise<void>;
};

export const tableName = 'vault';

/** `dynamodb` is dynoxide, unless `TEST_STORE` is `dynamodb-local`. */
export type StoreName = 'sqlite' | 'dynamodb' | 'dynamodb-local' | 'etcd';

/**
 * The name of the store that the whole run uses. A test that needs DynamoDB asks for it by name
 * instead.
 */
const storeName = (process.env['TEST_STORE'] || 'sqlite') as StoreName;

/** Starts an empty store. `folder` is an empty folder for its files. */
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
    sweep: (second) => table.deleteExpired(second, 1_000),
    dynamodb: noProtocol,
    close: table.close,
  };
};

const startProtocol = async (folder: string): Promise<TestStore> => {
  const { client, close } = await startDynamodb(folder);
  await ensureTable(client, tableName);
  const table = createDynamodbTable(client, tableName);
  const raw = rawItemsOf(client);
  // DynamoDB deletes when it likes.
  const sweep = async (second: number): Promise<void> => {
    for await (const page of table.pages()) {
      for (const item of page) if (Number(item['expiresAt']?.N) < second) await raw.remove(item);
    }
  };
  return { dynamodb: () => client, table, raw, sweep, close };
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
  const change = (item: Item, how: ItemWrite['change']) =>
    write([{ key: keyIn(item), isExpected: () => true, change: how }], performance.now() + 10_000);
  const table = createEtcdTable(client, {
    write: (guards) => itemsOf(requestContext()).write(guards),
  });
  return {
    table: { ...table, itemsOf },
    raw: { put: (item) => change(item, { put: item }), remove: (item) => change(item, 'delete') },
    sweep: (second) => deleteExpired(etcd, second, 10_000),
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

/**
 * Translates the names of the calls in a journal from those of DynamoDB to those that all other
 * stores use.
 */
export const callsOfPort = (calls: readonly string[]): readonly string[] =>
  calls.map((call) => callsOfDynamodb[call] ?? call);
