/** Wires the edges to DynamoDB and KMS, once per cold start. */
import { KMSClient } from '@aws-sdk/client-kms';
import { createDataKeys } from '../kms/data-keys.ts';
import { createKmsKey } from '../kms/kms-key.ts';
import { createKeyedMutex } from '../vault/keyed-mutex.ts';
import type { Ports } from '../vault/request.ts';
import { clientOptions, trimmed } from './clients.ts';
import { readServicesConfig } from './config.ts';
import { storePorts } from './store.ts';

const { masterKeyId } = readServicesConfig();

export const ports: Ports = {
  ...storePorts,
  dataKeys: createDataKeys(createKmsKey(trimmed(new KMSClient(clientOptions())), masterKeyId)),
};

/** The queues of those who write next versions, which all functions of a process share. */
export const writers = createKeyedMutex();
