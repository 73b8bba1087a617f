/**
 * A DynamoDB elsewhere, for `npm start`. Import it only when it is needed, because it loads the AWS
 * client.
 */
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { clientOptions, trimmed } from '../../functions/aws/clients.ts';
import { createDynamodbTable } from '../../functions/dynamodb/dynamodb-table.ts';
import type { Table } from '../../functions/store/ports.ts';
import { failure, isFailure, sentenceOf } from '../../system/failures.ts';
import { ensureTable, ensureTimeToLive } from './ensure-table.ts';

/**
 * The access key for a store that does not check it. The AWS client needs one, and without it would
 * look for the user's credentials and send them to that store.
 */
export const uncheckedKey = { accessKeyId: 'unchecked', secretAccessKey: 'unchecked' };

export type Place = {
  readonly endpoint: string;
  readonly region: string;
  readonly tableName: string;
  /** Whether the store gets the credentials of the user, and not a made-up access key. */
  readonly checksCredentials: boolean;
};

/**
 * Opens the table in this DynamoDB, after it has made the table if there is none, and `prepare` has
 * read from it. Rejects with a user-facing error if the store cannot be used.
 */
export const openDynamodb = async <Prepared>(
  place: Place,
  prepare: (table: Table) => Promise<Prepared>,
): Promise<{ readonly table: Table; readonly prepared: Prepared }> => {
  const { endpoint, region, tableName, checksCredentials } = place;
  const settings: DynamoDBClientConfig = {
    ...{ endpoint, region },
    ...(!checksCredentials && { credentials: uncheckedKey }),
  };
  // The client that serves makes no second attempt, so this work has its own.
  const preparing = new DynamoDBClient(settings);
  const open = async (): Promise<Prepared> => {
    await ensureTable(preparing, tableName);
    await ensureTimeToLive(preparing, tableName);
    return await prepare(createDynamodbTable(preparing, tableName));
  };
  try {
    const prepared = await open();
    const client = trimmed(new DynamoDBClient({ ...clientOptions(), ...settings }));
    return { table: createDynamodbTable(client, tableName), prepared };
  } catch (error) {
    if (isFailure(error)) throw error;
    throw failure(`the store at ${endpoint} cannot be used: ${sentenceOf(error)}`, {
      cause: error,
    });
  } finally {
    preparing.destroy();
  }
};
