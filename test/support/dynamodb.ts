/**
 * Starts a DynamoDB on this machine, for tests that are about DynamoDB or in which two hosts share
 * a table.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { uncheckedKey } from '../../host/single/dynamodb-elsewhere.ts';
import { startDynoxide } from '../../local/dynamodb/dynoxide.ts';
import { startDynamodbLocal } from './dynamodb-local.ts';
import { freshFolder } from './local-process.ts';

export type TestDynamodb = {
  readonly endpoint: string;
  /**
   * The environment of a vault that uses this DynamoDB. The vault creates its table when it starts.
   */
  readonly environment: NodeJS.ProcessEnv;
  readonly client: DynamoDBClient;
  readonly close: () => Promise<void>;
};

/**
 * Starts dynoxide by default. `TEST_STORE=dynamodb-local` chooses DynamoDB Local, which needs Java
 * and, the first time, the internet.
 */
const startProgram = (folder: string) =>
  process.env['TEST_STORE'] === 'dynamodb-local'
    ? startDynamodbLocal(folder)
    : startDynoxide(folder);

export const startDynamodb = async (folder = freshFolder()): Promise<TestDynamodb> => {
  const { endpoint, close } = await startProgram(folder);
  const client = new DynamoDBClient({
    ...{ region: 'us-east-1', credentials: uncheckedKey, maxAttempts: 1, endpoint },
  });
  return {
    endpoint,
    client,
    environment: {
      AWS_ENDPOINT_URL_DYNAMODB: endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: uncheckedKey.accessKeyId,
      AWS_SECRET_ACCESS_KEY: uncheckedKey.secretAccessKey,
      VAULT_ID: 'a-vault-over-dynamodb',
    },
    close: async () => {
      client.destroy();
      await close();
    },
  };
};
