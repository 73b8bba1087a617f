/**
 * The real parts of a vault without HTTP: a store (`test-store.ts`), a KMS (`kms-server.ts`), and
 * the ports over them. A test may put a hostile connection between the vault and DynamoDB.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { createDataKeys } from '../../functions/kms/data-keys.ts';
import type { KeyService } from '../../functions/kms/key-service.ts';
import { createKmsKey } from '../../functions/kms/kms-key.ts';
import type { ItemsOf, Table } from '../../functions/store/ports.ts';
import { createStore } from '../../functions/store/store.ts';
import type { Ports } from '../../functions/vault/request.ts';
import type { KeyState } from '../../host/kms/key-file.ts';
import { startKms } from './kms-server.ts';
import { vaultId } from './requests.ts';
import { type RawItems, type StoreName, startTestStore, tableName } from './test-store.ts';
import { violationsOf } from './violations.ts';

export type Embedded = {
  readonly dynamodb: () => DynamoDBClient;
  readonly itemsOf: ItemsOf;
  readonly table: Table;
  readonly raw: RawItems;
  readonly kms: KMSClient;
  readonly masterKey: KeyService;
  readonly keyArn: string;
  readonly setKeyState: (state: KeyState) => void;
  readonly ports: Ports;
  /**
   * The ids of the tenants whose items a test changed by hand. When `close` checks the table, it
   * ignores them.
   */
  readonly tampered: Set<string>;
  /**
   * Checks that the whole table keeps the vault's invariants, and ends everything that was started.
   */
  readonly close: () => Promise<void>;
};

export { tableName } from './test-store.ts';

/** Makes the vault's store over any store of items, just as the functions make it. */
export const storeOver = (itemsOf: ItemsOf, vault = vaultId): Ports['store'] =>
  createStore(itemsOf, vault);

/** Like `startEmbedded`, but `close` does not check the table. */
export const startUnchecked = async (name?: StoreName) => {
  const folder = await mkdtemp(join(tmpdir(), 'vault-'));
  const kmsServer = await startKms({ folder });
  const client = { region: 'us-east-1', credentials: kmsServer.credentials, maxAttempts: 1 };
  const store = await startTestStore(folder, name);
  const { dynamodb, table, raw } = store;
  const { itemsOf } = table;
  const kms = new KMSClient({ ...client, endpoint: kmsServer.endpoint });
  const masterKey = createKmsKey(kms, kmsServer.keyArn);
  const ports: Ports = {
    vaultId,
    store: storeOver(itemsOf),
    dataKeys: createDataKeys(masterKey),
  };
  const close = async () => {
    kms.destroy();
    await store.close();
    await kmsServer.close();
    await rm(folder, { recursive: true, force: true });
  };
  return {
    ...{ folder, dynamodb, itemsOf, table, raw, kms, masterKey, keyArn: kmsServer.keyArn, vaultId },
    ...{ tableName, ports, close },
    setKeyState: kmsServer.setState,
  };
};

export const startEmbedded = async (name?: StoreName): Promise<Embedded> => {
  const { folder: _, vaultId: __, tableName: ___, close, ...parts } = await startUnchecked(name);
  const { table, masterKey } = parts;
  const tampered = new Set<string>();
  return {
    ...parts,
    tampered,
    close: async () => {
      const checked = violationsOf({ table, masterKey, vaultId });
      const violations = await checked.finally(close);
      const unexpected = violations.filter(({ pk }) => !tampered.has(pk.split('#')[1] ?? ''));
      if (unexpected.length > 0) throw new Error(JSON.stringify(unexpected, undefined, 1));
    },
  };
};
