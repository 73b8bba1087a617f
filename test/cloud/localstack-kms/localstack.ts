/**
 * Runs LocalStack's KMS with a master key whose id and material the test knows. The test may stop
 * and start it.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { KMSClient } from '@aws-sdk/client-kms';
import { findFreePort } from '../../../host/process/ports.ts';
import { type FixedKey, putFixedKey } from '../../../local/containers/fixed-key.ts';
import { type Localstack, startLocalstack } from '../../../local/containers/localstack.ts';
import { ensurePython } from '../../../local/containers/python.ts';
import { freshFolder } from '../../support/local-process.ts';

export type LocalKms = {
  readonly client: KMSClient;
  /** The environment of a vault that uses this KMS. */
  readonly env: NodeJS.ProcessEnv;
  readonly key: FixedKey;
  readonly stop: () => Promise<void>;
  /**
   * Starts LocalStack again on the same port, with this master key or without any. LocalStack keeps
   * no key across a restart.
   */
  readonly start: (key?: FixedKey) => Promise<void>;
  /** Stops LocalStack for good, and removes its files. */
  readonly close: () => Promise<void>;
};

export const freshMaterial = (): string => randomBytes(32).toString('base64');

/**
 * Starts LocalStack's KMS with a new master key. The first call on a machine installs LocalStack,
 * which takes a minute or two.
 */
export const startKms = async (): Promise<LocalKms> => {
  const programs = await ensurePython('localstack', () => undefined);
  const folder = freshFolder();
  const port = await findFreePort();
  const settings = { programs, folder, host: '127.0.0.1', port, services: ['kms'] };
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new KMSClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    credentials,
  });
  const key = { id: randomUUID(), material: freshMaterial() };
  let running: Localstack | undefined = await startLocalstack(settings);
  const stop = async (): Promise<void> => {
    await running?.close();
    running = undefined;
  };
  const arn = await putFixedKey(client, key);
  return {
    client,
    key,
    env: {
      AWS_ENDPOINT_URL_KMS: `http://127.0.0.1:${port}`,
      MASTER_KEY_ID: arn,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    stop,
    start: async (next) => {
      await stop();
      running = await startLocalstack(settings);
      if (next !== undefined) await putFixedKey(client, next);
    },
    close: async () => {
      await stop();
      client.destroy();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
