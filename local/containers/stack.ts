/**
 * The services that SAM's functions use: Docker, the image they run in, the store on an address that containers reach,
 * and LocalStack's KMS with the master key. `close` ends everything that is started here except a Docker daemon, which
 * others may use by then.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { failure } from '../../system/failures.ts';
import { dynoxide } from '../dynamodb/dynoxide.ts';
import { ensureTable } from '../dynamodb/ensure-table.ts';
import { startStore } from '../dynamodb/local-store.ts';
import { openVaultId } from '../identity/vault-id.ts';
import { root, startOnFolder } from '../process/data-folder.ts';
import { readTemplate } from '../template.ts';
import { findHostAddress } from './container-host.ts';
import { ensureLambdaImage, requireDocker } from './docker.ts';
import { openFixedKey, putFixedKey } from './fixed-key.ts';
import { startLocalstack } from './localstack.ts';
import { ensurePython } from './python.ts';

export type StackOptions = {
  /** Keeps the table, the master key and logs. */
  readonly folder: string;
  readonly localstackPort: number;
  readonly say: (line: string) => void;
};

export type Stack = {
  readonly vaultId: string;
  readonly tableName: string;
  readonly masterKeyId: string;
  /** On this machine; a container reaches the same ports by `hostName`. */
  readonly endpoints: { readonly dynamodb: string; readonly kms: string };
  /** The folder of the SAM CLI's programs. */
  readonly samPrograms: string;
  /** Settles only if a part died and could not be restarted; the error says why. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

const tableName = 'vault';

/** Neither service checks the credentials, but the clients require some. */
const client = (endpoint: string) => ({
  endpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
});

/** Fetches, builds or installs what functions in containers need, once. `host`: the address at which they reach servers here. */
export const prepareContainers = async (say: (line: string) => void) => {
  await requireDocker();
  await ensureLambdaImage();
  const samPrograms = await ensurePython('sam', say);
  const awsPrograms = await ensurePython('localstack', say);
  return { samPrograms, awsPrograms, host: await findHostAddress() };
};

/** Returns when all parts answer. Throws one sentence if a part cannot be started; nothing is left running then. */
export const startStack = async ({ folder, say, localstackPort }: StackOptions): Promise<Stack> => {
  const { samPrograms, awsPrograms: programs, host } = await prepareContainers(say);
  const { table } = await readTemplate();
  return await startOnFolder(folder, say, async (closers) => {
    const vaultId = openVaultId(folder, process.env);
    const store = await startStore(dynoxide(root, host), folder, say);
    closers.push(store.close);
    const dynamodb = new DynamoDBClient(client(store.endpoint));
    closers.push(() => dynamodb.destroy());
    await ensureTable(dynamodb, tableName, table);
    say('starting LocalStack');
    const services = ['kms'];
    const localstack = await startLocalstack({
      programs,
      folder,
      host,
      port: localstackPort,
      services,
    });
    closers.push(localstack.close);
    const kms = new KMSClient(client(localstack.endpoint));
    closers.push(() => kms.destroy());
    const masterKeyId = await putFixedKey(kms, openFixedKey(folder));
    if (masterKeyId === '') throw failure('LocalStack made no master key');
    return {
      vaultId,
      tableName,
      masterKeyId,
      endpoints: { dynamodb: store.endpoint, kms: localstack.endpoint },
      samPrograms,
      failed: Promise.race([store.failed, localstack.failed]),
    };
  });
};
