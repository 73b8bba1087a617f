/**
 * The edges to DynamoDB and KMS, wired once a cold start. The only place that makes the clients, with
 * their times and tries written out: one attempt a call, because only the vault knows what a repeated
 * write means.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { createListNames } from '../dynamodb/names.ts';
import { createReads } from '../dynamodb/reads.ts';
import { createWrites } from '../dynamodb/writes.ts';
import { createDataKeys } from '../kms/data-keys.ts';
import { times } from '../model/limits.ts';
import type { Ports } from '../vault/ports.ts';
import { readServicesConfig } from './config.ts';

const { tableName, masterKeyId } = readServicesConfig();
const client = { maxAttempts: 1, requestHandler: { connectionTimeout: times.connectMs } };

const dynamodb = new DynamoDBClient(client);
const reads = createReads(dynamodb, tableName);

export const ports: Ports = {
  store: {
    ...reads,
    ...createWrites(dynamodb, tableName, reads),
    listNames: createListNames(dynamodb, tableName),
  },
  dataKeys: createDataKeys(new KMSClient(client), masterKeyId),
};
