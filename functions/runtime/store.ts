/** Wires the edge to DynamoDB, once per cold start, for functions that need no master key. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createDynamodbItems } from '../dynamodb/dynamodb-items.ts';
import { createStore } from '../store/store.ts';
import type { StorePorts } from '../vault/request.ts';
import { clientOptions, trimmed } from './clients.ts';
import { readServicesConfig } from './config.ts';

const { tableName, vaultId } = readServicesConfig();

const client = trimmed(new DynamoDBClient(clientOptions()));

export const storePorts: StorePorts = {
  vaultId,
  store: createStore(createDynamodbItems(client, tableName), vaultId),
};
