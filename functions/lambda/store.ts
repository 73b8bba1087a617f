/** The table, for the functions that need no master key, once per cold start. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { clientOptions, trimmed } from '../aws/clients.ts';
import { createDynamodbItems } from '../dynamodb/dynamodb-items.ts';
import { createStore } from '../store/store.ts';
import type { StorePorts } from '../vault/request.ts';
import { readServicesConfig } from './config.ts';

const { tableName, vaultId } = readServicesConfig();
const client = trimmed(new DynamoDBClient(clientOptions()));

export const storeOnly: StorePorts = {
  vaultId,
  store: createStore(createDynamodbItems(client, tableName), vaultId),
};
