/**
 * A DynamoDB elsewhere, for `npm start`. Import it only when it is needed, because it loads the AWS
 * client.
 */
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { clientOptions, trimmed } from '../../functions/aws/clients.ts';
import { createDynamodbTable } from '../../functions/dynamodb/dynamodb-table.ts';
import type { Table } from '../../functions/store/ports.ts';
import { failure, isFailure, sentenceOf } from '../../system/failures.ts';
import { uncheckedKey } from '../process/unchecked-key.ts';
import { ensureTable, ensureTimeToLive } from './ensure-table.ts';

export type Place = {
  readonly endpoint: string;
  readonly region: string;
  readonly tableName: string;
  /** Whether the store gets the credentials of the user, and not a made-up access key. */
  readonly checksCredentials: boolean;
};

/**
 * Opens the table in this DynamoDB, and makes it first if there is none. Rejects with a user-facing
 * error if it cannot be used.
 */
export const openDynamodb = async (place: Place): Promise<Table> => {
  const { endpoint, region, tableName, checksCredentials } = place;
  const settings: DynamoDBClientConfig = {
    ...{ endpoint, region },
    ...(!checksCredentials && { credentials: uncheckedKey }),
  };
  // The client that serves makes no second attempt.
  const preparing = new DynamoDBClient(settings);
  try {
    await ensureTable(preparing, tableName);
    await ensureTimeToLive(preparing, tableName);
  } catch (error) {
    if (isFailure(error)) throw error;
    throw failure(`the store at ${endpoint} cannot be used: ${sentenceOf(error)}`, {
      cause: error,
    });
  } finally {
    preparing.destroy();
  }
  const client = trimmed(new DynamoDBClient({ ...clientOptions(), ...settings }));
  return createDynamodbTable(client, tableName);
};
