/**
 * The services that SAM's functions use: Docker, the image they run in, the store on an address that containers reach,
 * and LocalStack's KMS with the master key. `close` ends everything that is started here except a Docker daemon, which
 * others may use by then.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { failure, sentenceOf } from '../../system/failures.ts';
import { dynoxide } from '../dynamodb/dynoxide.ts';
import { ensureTable } from '../dynamodb/ensure-table.ts';
import { startStore } from '../dynamodb/local-store.ts';
import { openVaultId } from '../identity/vault-id.ts';
import { lockDataFolder, openDataFolder } from '../process/data-folder.ts';
import { type Closer, closeAll } from '../process/ending.ts';
import type { TableDefinition } from '../template.ts';
import { findHostAddress, hostName } from './container-host.ts';
import { ensureLambdaImage, requireDocker } from './docker.ts';
import { openFixedKey, putFixedKey } from './fixed-key.ts';
import { startLocalstack } from './localstack.ts';
import { ensurePython } from './python.ts';

export type StackOptions = {
  /** Holds template.yaml and node_modules. */
  readonly root: string;
  /** Keeps the table, the master key and logs. */
  readonly folder: string;
  readonly localstackPort: number;
  readonly table: TableDefinition;
  readonly say: (line: string) => void;
};

export type Stack = {
  readonly vaultId: string;
  readonly tableName: string;
  readonly masterKeyId: string;
  /** The endpoints for a container. */
  readonly endpoints: { readonly dynamodb: string; readonly kms: string };
  /** The endpoints for this machine. */
  readonly localEndpoints: { readonly dynamodb: string; readonly kms: string };
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

const fromContainers = (endpoint: string): string => `http://${hostName}:${new URL(endpoint).port}`;

/** Fetches, builds or installs everything that is needed once. */
const prepare = async ({ root, say }: StackOptions) => {
  await requireDocker();
  await ensureLambdaImage();
  const samPrograms = await ensurePython({ root, say }, 'sam');
  const localstackPrograms = await ensurePython({ root, say }, 'localstack');
  return { samPrograms, localstackPrograms, host: await findHostAddress() };
};

/** Returns when all parts answer. Throws one sentence if a part cannot be started; nothing is left running then. */
export const startStack = async (options: StackOptions): Promise<Stack> => {
  const { root, folder, table, say, localstackPort: port } = options;
  const { samPrograms, localstackPrograms: programs, host } = await prepare(options);
  openDataFolder(folder);
  const closers: Closer[] = [lockDataFolder(folder).release];
  const close = () => closeAll(closers);
  try {
    const vaultId = openVaultId(folder, process.env);
    const store = await startStore(dynoxide(root, host), folder, say);
    closers.push(store.close);
    const dynamodb = new DynamoDBClient(client(store.endpoint));
    closers.push(() => dynamodb.destroy());
    await ensureTable(dynamodb, tableName, table);
    const hosts = [...new Set(['127.0.0.1', host])];
    say('starting LocalStack');
    const localstack = await startLocalstack({ programs, folder, hosts, port, services: ['kms'] });
    closers.push(localstack.close);
    const kms = new KMSClient(client(localstack.endpoint));
    closers.push(() => kms.destroy());
    const masterKeyId = await putFixedKey(kms, openFixedKey(folder));
    if (masterKeyId === '') throw failure('LocalStack made no master key');
    return {
      vaultId,
      tableName,
      masterKeyId,
      endpoints: {
        dynamodb: fromContainers(store.endpoint),
        kms: fromContainers(localstack.endpoint),
      },
      localEndpoints: { dynamodb: store.endpoint, kms: localstack.endpoint },
      samPrograms,
      failed: Promise.race([store.failed, localstack.failed]),
      close,
    };
  } catch (error) {
    await close().catch((later) => say(sentenceOf(later)));
    throw error;
  }
};
