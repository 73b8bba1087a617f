/** A DynamoDB table for an operator's tools. No deployed function uses it. */
import {
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  GetItemCommand,
  paginateQuery,
  paginateScan,
} from '@aws-sdk/client-dynamodb';
import type { Table } from '../store/ports.ts';
import { keyOf } from './actions.ts';
import { createDynamodbItems } from './dynamodb-items.ts';

/** Without a limit, dynoxide loads the whole rest of the table into memory for every page. */
const pageItems = 1_000;

/** Makes the table for this client. Its `close` destroys the client. */
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

  findProblems: async () => [
    ...(await findReplicas(client, tableName)),
    ...(await findKeptItems(client, tableName)),
  ],

  close: async () => client.destroy(),
});

const findReplicas = async (
  client: DynamoDBClient,
  TableName: string,
): Promise<readonly string[]> => {
  const { Table: table } = await client.send(new DescribeTableCommand({ TableName }));
  const replicas = (table?.Replicas ?? []).map(({ RegionName }) => RegionName);
  if (replicas.length === 0) return [];
  return [`the table is replicated to ${replicas.join(', ')}, where the last writer wins`];
};

/**
 * After a restore or an import, DynamoDB does not delete the expired records of a table until an
 * operator turns on its time to live again.
 */
const findKeptItems = async (
  client: DynamoDBClient,
  TableName: string,
): Promise<readonly string[]> => {
  const command = new DescribeTimeToLiveCommand({ TableName });
  const { TimeToLiveDescription: found } = await client.send(command);
  const isOn = ['ENABLED', 'ENABLING'].includes(found?.TimeToLiveStatus ?? '');
  if (isOn && found?.AttributeName === 'expiresAt') return [];
  return ['the table keeps expired records: turn on its time to live for expiresAt'];
};
