/** A DynamoDB of this machine, for tests that are about DynamoDB, or in which two hosts share a table. */
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { dynamodbLocal } from '../../local/dynamodb/dynamodb-local.ts';
import { dynoxide } from '../../local/dynamodb/dynoxide.ts';
import { startStore, uncheckedKey } from '../../local/dynamodb/local-store.ts';
import { freshFolder } from './local-process.ts';

export type TestDynamodb = {
  readonly endpoint: string;
  /** The variables of a vault over it. Its table is made when the vault starts. */
  readonly environment: NodeJS.ProcessEnv;
  readonly client: DynamoDBClient;
  readonly close: () => Promise<void>;
};

/** dynoxide, unless the run is over DynamoDB Local, which needs Java, and the internet the first time. */
const findProgram = () => {
  const root = process.cwd();
  return process.env['TEST_STORE'] === 'dynamodb-local'
    ? dynamodbLocal({ root, installPath: join(root, '.local', 'dynamodb-local') })
    : dynoxide(root);
};

export const startDynamodb = async (folder = freshFolder()): Promise<TestDynamodb> => {
  const { endpoint, close } = await startStore(findProgram(), folder, () => undefined);
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
