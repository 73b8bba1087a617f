/** Wires the edge to DynamoDB, once per cold start, for functions that need no master key. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createListNames } from '../dynamodb/names.ts';
import { createReads } from '../dynamodb/reads.ts';
import { createWrites } from '../dynamodb/writes.ts';
import type { Store } from '../vault/ports.ts';
import { clientOptions, trimmed } from './clients.ts';
import { readServicesConfig } from './config.ts';

const { tableName } = readServicesConfig();
const dynamodb = trimmed(new DynamoDBClient(clientOptions('DynamoDB')));
const reads = createReads(dynamodb, tableName);

export const store: Store = {
  ...reads,
  ...createWrites(dynamodb, tableName, reads),
  listNames: createListNames(dynamodb, tableName),
};
