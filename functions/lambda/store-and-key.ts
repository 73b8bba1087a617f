/** The table and the master key, once per cold start. */
import { KMSClient } from '@aws-sdk/client-kms';
import { clientOptions, trimmed } from '../aws/clients.ts';
import { createDataKeys } from '../kms/data-keys.ts';
import { createKmsKey } from '../kms/kms-key.ts';
import { createKeyedMutex, type VaultPorts } from '../vault/keyed-mutex.ts';
import { readServicesConfig } from './config.ts';
import { storeOnly } from './store.ts';

const { masterKeyId } = readServicesConfig();
const client = trimmed(new KMSClient(clientOptions()));

export const storeAndKey: VaultPorts = {
  ...storeOnly,
  dataKeys: createDataKeys(createKmsKey(client, masterKeyId)),
  writers: createKeyedMutex(),
};
