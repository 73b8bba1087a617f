/**
 * The real parts of a vault without HTTP: the embedded store on a file, the embedded KMS, and the ports over them. A
 * test may put a hostile connection between the vault and the store.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { createDynamodbItems } from '../../functions/dynamodb/dynamodb-items.ts';
import { createDataKeys } from '../../functions/kms/data-keys.ts';
import { createStore } from '../../functions/store/store.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { dynoxide } from '../../local/dynamodb/dynoxide.ts';
import { ensureTable } from '../../local/dynamodb/ensure-table.ts';
import { startStore } from '../../local/dynamodb/local-store.ts';
import { startHttpFront } from '../../local/etcd/http-front.ts';
import type { KeyState } from '../../local/kms/key-file.ts';
import { readTemplate } from '../../local/template.ts';
import { startEtcdFront } from './etcd-front.ts';
import { startKms } from './kms-server.ts';
import { vaultId } from './requests.ts';
import { violationsOf } from './violations.ts';

export type Embedded = {
  readonly dynamodb: DynamoDBClient;
  readonly kms: KMSClient;
  readonly keyArn: string;
  readonly setKeyState: (state: KeyState) => void;
  readonly ports: Ports;
  /** The tenants whose items a test changed by hand. The final check of the table leaves them out. */
  readonly tampered: Set<string>;
  /** Re-reads the whole table, asserts all its invariants, and ends everything that was started. */
  readonly close: () => Promise<void>;
};

export const tableName = 'vault';

/** The store as the functions wire it, over any client, table and vault. */
export const storeOver = (
  dynamodb: DynamoDBClient,
  table = tableName,
  vault = vaultId,
): Ports['store'] => createStore(createDynamodbItems(dynamodb, table), vault);

/** The store under the ports: the embedded one, or etcd behind its front if `TEST_STORE=etcd`. */
const startTestStore = async (folder: string) => {
  if (process.env['TEST_STORE'] === 'etcd') {
    const { front, close } = await startEtcdFront();
    const served = await startHttpFront({ front, status: () => ({}) });
    return {
      endpoint: served.endpoint,
      close: async () => {
        await served.close();
        await close();
      },
    };
  }
  return await startStore(dynoxide(process.cwd()), folder, () => {});
};

/** The parts and the ports over them, without the final check in `close`. */
export const startUnchecked = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vault-'));
  const kmsServer = await startKms({ folder });
  const client = { region: 'us-east-1', credentials: kmsServer.credentials, maxAttempts: 1 };
  const store = await startTestStore(folder);
  const dynamodb = new DynamoDBClient({ ...client, endpoint: store.endpoint });
  const kms = new KMSClient({ ...client, endpoint: kmsServer.endpoint });
  const { table } = await readTemplate();
  await ensureTable(dynamodb, tableName, table);
  const ports: Ports = {
    vaultId,
    store: storeOver(dynamodb),
    dataKeys: createDataKeys(kms, kmsServer.keyArn),
  };
  const close = async () => {
    dynamodb.destroy();
    kms.destroy();
    await store.close();
    await kmsServer.close();
    await rm(folder, { recursive: true, force: true });
  };
  return {
    ...{ folder, dynamodb, kms, keyArn: kmsServer.keyArn, vaultId, tableName, ports, close },
    setKeyState: kmsServer.setState,
  };
};

export const startEmbedded = async (): Promise<Embedded> => {
  const { dynamodb, kms, keyArn, setKeyState, ports, close } = await startUnchecked();
  const tampered = new Set<string>();
  return {
    dynamodb,
    kms,
    keyArn,
    setKeyState,
    ports,
    tampered,
    close: async () => {
      const checked = violationsOf({ dynamodb, kms, vaultId, tableName, masterKeyId: keyArn });
      const violations = await checked.finally(close);
      const unexpected = violations.filter(({ pk }) => !tampered.has(pk.split('#')[1] ?? ''));
      if (unexpected.length > 0) throw new Error(JSON.stringify(unexpected, undefined, 1));
    },
  };
};
