import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { ok, unavailable } from '../../../../local/etcd/dynamodb-protocol.ts';
import { startHttpFront } from '../../../../local/etcd/http-front.ts';
import { connectToNode } from '../../../../local/vaults/connect.ts';
import { runningRecord } from '../../../../local/vaults/vault-records.ts';
import { freshFolder } from '../../../support/local-process.ts';

it('a connection to a node repeats a read while the node does not serve', async () => {
  let asked = 0;
  const served = await startHttpFront({
    front: async () => {
      asked += 1;
      return asked < 5 ? unavailable('it compares its copy') : ok({});
    },
    status: () => ({}),
  });
  const cluster = freshFolder();
  const folder = join(cluster, 'node-1');
  mkdirSync(folder);
  runningRecord.remember(folder, {
    ...{ url: '', dynamodbEndpoint: served.endpoint, masterKeyFile: '/none' },
    ...{ vaultId: 'v', tableName: 'vault', masterKeyId: 'a-key', takesLocalTokens: true },
  });
  try {
    const { table, close } = connectToNode(folder);
    await table.get({ pk: 'P', sk: 'S' }).finally(close);
  } finally {
    await served.close();
  }
  expect(asked).toBe(5);
});
