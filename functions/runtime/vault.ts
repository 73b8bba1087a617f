/**
 * Wires the store and the master key, once per cold start. The key is in KMS unless the home
 * provides another one.
 */
import { KMSClient } from '@aws-sdk/client-kms';
import { clientOptions, trimmed } from '../aws/clients.ts';
import { createDataKeys } from '../kms/data-keys.ts';
import { createKmsKey } from '../kms/kms-key.ts';
import { createKeyedMutex } from '../vault/keyed-mutex.ts';
import type { Ports } from '../vault/request.ts';
import { readServicesConfig } from './config.ts';
import { givenByHome } from './home.ts';
import { storePorts } from './store.ts';

const { masterKeyId } = readServicesConfig();

const keyInKms = () => createKmsKey(trimmed(new KMSClient(clientOptions())), masterKeyId);

export const ports: Ports = {
  ...storePorts,
  dataKeys: createDataKeys(givenByHome().masterKey ?? keyInKms()),
};

/** The queues in which writers of the same secret wait. All functions of a process share them. */
export const writers = createKeyedMutex();
