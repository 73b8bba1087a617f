/**
 * The services for SAM's functions: the store on an address that containers can reach, and
 * LocalStack's KMS with the master key. `close` ends both.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { openVaultId } from '../../host/identity/vault-id.ts';
import { startOnFolder } from '../../host/process/data-folder.ts';
import { ensureTable } from '../../host/single/ensure-table.ts';
import { failure } from '../../system/failures.ts';
import { startDynoxide } from '../dynamodb/dynoxide.ts';
import { findHostAddress } from './container-host.ts';
import { ensureLambdaImage, requireDocker } from './docker.ts';
import { openFixedKey, putFixedKey } from './fixed-key.ts';
import { startLocalstack } from './localstack.ts';
import { ensurePython } from './python.ts';

export type StackOptions = {
  /** The folder for the table, the master key and the logs. */
  readonly folder: string;
  readonly localstackPort: number;
  readonly say: (line: string) => void;
};

/** The services that SAM's functions use: Docker, the store and LocalStack's KMS. */
export type Stack = {
  readonly vaultId: string;
  readonly tableName: string;
  readonly masterKeyId: string;
  /**
   * The addresses of the services on this machine. A container reaches the same ports at the host
   * `hostName`.
   */
  readonly endpoints: { readonly dynamodb: string; readonly kms: string };
  /** The folder in which the executables of the SAM CLI are installed. */
  readonly samPrograms: string;
  /** Settles only if one of the services died and could not be restarted; the error says why. */
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

/**
 * Throws a sentence if no Docker daemon answers. Otherwise pulls the image of functions and
 * installs SAM and LocalStack, each if it is missing. `host` is the address at which containers
 * reach servers here.
 */
export const prepareContainers = async (say: (line: string) => void) => {
  await requireDocker();
  await ensureLambdaImage();
  const samPrograms = await ensurePython('sam', say);
  const awsPrograms = await ensurePython('localstack', say);
  return { samPrograms, awsPrograms, host: await findHostAddress() };
};

/**
 * Starts the services, and returns when all parts answer. Throws one sentence if a part cannot be
 * started; nothing is left running then.
 */
export const startStack = async ({ folder, say, localstackPort }: StackOptions): Promise<Stack> => {
  return await startOnFolder(folder, say, async (closers) => {
    const { samPrograms, awsPrograms: programs, host } = await prepareContainers(say);
    const vaultId = openVaultId(folder, process.env);
    const store = await startDynoxide(folder, host);
    closers.push(store.close);
    const dynamodb = new DynamoDBClient(client(store.endpoint));
    closers.push(() => dynamodb.destroy());
    await ensureTable(dynamodb, tableName);
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
