/** A table of DynamoDB as the tools of an operator use it. No deployed function does. */
import {
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  GetItemCommand,
  paginateQuery,
  paginateScan,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { jsonOf } from '../store/item-json.ts';
import type { Item, ItemKey } from '../store/items.ts';
import type { Table } from '../store/ports.ts';
import { keyOf, putOf } from './actions.ts';
import { createDynamodbItems } from './dynamodb-items.ts';

/** Without a limit, dynoxide reads all the rest of the table into its memory for each page. */
const pageItems = 1_000;

/** `close` destroys the client. */
export const createDynamodbTable = (client: DynamoDBClient, tableName: string): Table => ({
  itemsOf: createDynamodbItems(client, tableName),

  async *pages(pk) {
    const input = { TableName: tableName, ConsistentRead: true, Limit: pageItems };
    const pages =
      pk === undefined
        ? paginateScan({ client }, input)
        : paginateQuery(
            { client },
            {
              ...input,
              KeyConditionExpression: 'pk = :pk',
              ExpressionAttributeValues: { ':pk': { S: pk } },
            },
          );
    for await (const { Items = [] } of pages) yield Items;
  },

  async get(key) {
    const command = new GetItemCommand({
      TableName: tableName,
      Key: keyOf(key),
      ConsistentRead: true,
    });
    return (await client.send(command)).Item;
  },

  async putAbsent(items) {
    for (const group of groupsOf(items)) {
      const others = await putGroup(client, tableName, group);
      if (others.length > 0) return others;
    }
    return [];
  },

  findProblems: async () => [
    ...(await findReplicas(client, tableName)),
    ...(await findKeptItems(client, tableName)),
  ],

  close: async () => client.destroy(),
});

/** DynamoDB's limit for one transaction. */
const itemsMax = 100;
/** Below the 4 MB of a transaction in DynamoDB. Texts are longer than what DynamoDB counts. */
const textUnitsMax = 2_097_152;

type Entry = { readonly item: Item; readonly text: string };

function* groupsOf(items: readonly Item[]): Generator<readonly Entry[]> {
  let group: Entry[] = [];
  let units = 0;
  for (const item of items) {
    const text = jsonOf(item);
    if (group.length === itemsMax || units + text.length > textUnitsMax) {
      yield group;
      [group, units] = [[], 0];
    }
    group.push({ item, text });
    units += text.length;
  }
  if (group.length > 0) yield group;
}

/** Puts the items in one transaction, without those that are there already. Returns the keys of other items. */
const putGroup = async (
  client: DynamoDBClient,
  tableName: string,
  group: readonly Entry[],
): Promise<readonly ItemKey[]> => {
  const command = new TransactWriteItemsCommand({
    TransactItems: group.map(({ item }) => ({ Put: putOf(tableName, { is: 'absent' }, item) })),
  });
  try {
    await client.send(command);
    return [];
  } catch (error) {
    if (!(error instanceof TransactionCanceledException)) throw error;
    const present = error.CancellationReasons?.map(({ Item: item }) => item && jsonOf(item)) ?? [];
    const others = group.filter(({ text }, index) => present[index] && present[index] !== text);
    if (others.length > 0) {
      return others.map(({ item: { pk, sk } }) => ({ pk: pk?.S ?? '', sk: sk?.S ?? '' }));
    }
    const absent = group.filter(({ text }, index) => present[index] !== text);
    if (absent.length === group.length) throw error;
    return absent.length === 0 ? [] : await putGroup(client, tableName, absent);
  }
};

const findReplicas = async (
  client: DynamoDBClient,
  TableName: string,
): Promise<readonly string[]> => {
  const { Table: table } = await client.send(new DescribeTableCommand({ TableName }));
  const replicas = (table?.Replicas ?? []).map(({ RegionName }) => RegionName);
  if (replicas.length === 0) return [];
  return [`the table is replicated to ${replicas.join(', ')}, where the last writer wins`];
};

/** A restored or imported table keeps expired records for ever, until its time to live is set again. */
const findKeptItems = async (
  client: DynamoDBClient,
  TableName: string,
): Promise<readonly string[]> => {
  const command = new DescribeTimeToLiveCommand({ TableName });
  const { TimeToLiveDescription: found } = await client.send(command);
  const isOn = ['ENABLED', 'ENABLING'].includes(found?.TimeToLiveStatus ?? '');
  if (isOn && found?.AttributeName === 'expiresAt') return [];
  return ['the table keeps expired records: its time to live is not on for expiresAt'];
};
