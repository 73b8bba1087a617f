/** LocalStack's KMS, which a test may stop and start, with a master key whose id and material the test knows. */
import { randomBytes, randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { KMSClient } from '@aws-sdk/client-kms';
import { type FixedKey, putFixedKey } from '../../../local/containers/fixed-key.ts';
import { type Localstack, startLocalstack } from '../../../local/containers/localstack.ts';
import { ensurePython } from '../../../local/containers/python.ts';
import { findFreePort } from '../../../local/process/ports.ts';
import { freshFolder } from '../../support/local-process.ts';

export type LocalKms = {
  readonly client: KMSClient;
  /** The environment of a vault that uses it. */
  readonly env: NodeJS.ProcessEnv;
  readonly key: FixedKey;
  readonly stop: () => Promise<void>;
  /** Starts it on the same port, with this key or with none. It remembers no key by itself. */
  readonly start: (key?: FixedKey) => Promise<void>;
  /** Stops it permanently. */
  readonly close: () => Promise<void>;
};

export const freshMaterial = (): string => randomBytes(32).toString('base64');

/** Installs LocalStack the first time, which takes a minute or two. */
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
