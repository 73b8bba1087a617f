/** Reads the items of a table, and writes those of a backup to one. */
import {
  type DynamoDBClient,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import type { Item } from '../../functions/store/items.ts';
import { failure, sentenceOf } from '../../system/failures.ts';
import { scanItems } from '../verify/find-violations.ts';
import { lineOf } from './format.ts';

/** Reads all items of a table as they are now. Throws a failure that names the table. */
export async function* readTable(
  dynamodb: DynamoDBClient,
  tableName: string,
): AsyncGenerator<readonly Item[]> {
  try {
    yield* scanItems({ dynamodb, tableName });
  } catch (error) {
    throw failure(`the table ${tableName} cannot be read: ${sentenceOf(error)}`, { cause: error });
  }
}

/** DynamoDB's limit for one transaction. */
const itemsMax = 100;
/** Below the 4 MB of a transaction in DynamoDB. Lines are longer than what DynamoDB counts. */
const lineBytesMax = 2_097_152;

type Entry = { readonly item: Item; readonly line: string };

/**
 * Writes the items, many in one transaction, and replaces nothing. An item that is there already, exactly the same, is
 * left alone, so the same items may be written again after an interruption. Throws a failure for an item that differs
 * from the stored one, and passes on what the client throws.
 */
export const putItems = async (
  client: DynamoDBClient,
  tableName: string,
  items: readonly Item[],
): Promise<void> => {
  let group: Entry[] = [];
  let bytes = 0;
  for (const item of items) {
    const line = lineOf(item);
    if (group.length === itemsMax || bytes + line.length > lineBytesMax) {
      await putGroup(client, tableName, group);
      [group, bytes] = [[], 0];
    }
    group.push({ item, line });
    bytes += line.length;
  }
  await putGroup(client, tableName, group);
};

const putGroup = async (
  client: DynamoDBClient,
  TableName: string,
  group: readonly Entry[],
): Promise<void> => {
  if (group.length === 0) return;
  const command = new TransactWriteItemsCommand({
    TransactItems: group.map(({ item }) => ({
      Put: {
        TableName,
        Item: item,
        ConditionExpression: 'attribute_not_exists(pk)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    })),
  });
  try {
    await client.send(command);
  } catch (error) {
    if (!(error instanceof TransactionCanceledException)) throw error;
    const present = error.CancellationReasons?.map(({ Item }) => Item && lineOf(Item)) ?? [];
    const absent = group.filter(({ line }, index) => present[index] !== line);
    const other = group.find(({ line }, index) => present[index] && present[index] !== line);
    if (other !== undefined) {
      const key = [other.item['pk']?.S, other.item['sk']?.S].join(' ');
      throw failure(
        `the store holds another item ${key} than the backup: restore into an empty one`,
      );
    }
    if (absent.length === group.length) throw error;
    await putGroup(client, TableName, absent);
  }
};
