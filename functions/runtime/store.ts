/**
 * Wires the store, once per cold start. Functions that need no master key load only this module,
 * and others load `vault.ts`. The store is DynamoDB unless the home provides another one.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { clientOptions, trimmed } from '../aws/clients.ts';
import { createDynamodbItems } from '../dynamodb/dynamodb-items.ts';
import { createStore } from '../store/store.ts';
import type { StorePorts } from '../vault/request.ts';
import { readServicesConfig } from './config.ts';
import { givenByHome } from './home.ts';

const { tableName, vaultId } = readServicesConfig();

const openTable = () =>
  createDynamodbItems(trimmed(new DynamoDBClient(clientOptions())), tableName);

export const storePorts: StorePorts = {
  vaultId,
  store: createStore(givenByHome().itemsOf ?? openTable(), vaultId),
};
