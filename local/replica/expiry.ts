/**
 * Deletes what has expired, as DynamoDB does by time to live. A store that did so by its own clock would differ from the
 * others; so one node asks for it, item by item, by writes like any other.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteItemCommand, type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';

export type ExpiryOptions = {
  readonly client: DynamoDBClient;
  readonly tableName: string;
  /** Of the attribute that holds the second at which an item expires. */
  readonly attribute: string;
  /** The names of the key attributes. */
  readonly keys: readonly string[];
};

/** Deletes the items that have expired by `now`, a second; returns how many. */
export const deleteExpired = async (options: ExpiryOptions, now: number): Promise<number> => {
  const { client, tableName: TableName, attribute, keys } = options;
  const expired = {
    ExpressionAttributeNames: { '#expires': attribute },
    ExpressionAttributeValues: { ':now': { N: String(now) } },
  };
  let count = 0;
  const pages = paginateScan(
    { client },
    { TableName, FilterExpression: '#expires < :now', ...expired },
  );
  for await (const { Items: items = [] } of pages) {
    for (const item of items) {
      const Key = Object.fromEntries(keys.flatMap((key) => (item[key] ? [[key, item[key]]] : [])));
      // The item may have been written anew since it was seen.
      const command = { TableName, Key, ConditionExpression: '#expires < :now', ...expired };
      const isDeleted = await client.send(new DeleteItemCommand(command)).then(
        () => true,
        (error: Error) => {
          if (error.name === 'ConditionalCheckFailedException') return false;
          throw error;
        },
      );
      if (isDeleted) count += 1;
    }
  }
  return count;
};

const everyMs = 3_600_000;

/** Deletes every hour while `isOurs`, until `signal` aborts. What fails is left to the next hour. */
export const startExpiry = async (
  options: ExpiryOptions,
  isOurs: () => boolean,
  report: (line: string) => void,
  signal: AbortSignal,
): Promise<void> => {
  while (!signal.aborted) {
    await sleep(everyMs, undefined, { ref: false, signal }).catch(() => undefined);
    if (signal.aborted || !isOurs()) continue;
    await deleteExpired(options, Math.floor(Date.now() / 1_000)).then(
      (count) => report(`${count} expired items were deleted`),
      (error: Error) => report(`expired items are left for the next hour: ${error.message}`),
    );
  }
};
