import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { expect, it } from '@jest/globals';
import { writeClusterFile } from '../../../../local/cluster/cluster-file.ts';
import { startHttpFront } from '../../../../local/etcd/http-front.ts';
import { ok, unavailable } from '../../../../local/etcd/protocol.ts';
import { connectToNode } from '../../../../local/host/connect.ts';
import { rememberRunning } from '../../../../local/host/running.ts';
import { freshCertificates } from '../../../support/certificates.ts';
import { freshFolder } from '../../../support/local-process.ts';

it('a connection to a node reads again while the node does not serve', async () => {
  let asked = 0;
  const served = await startHttpFront({
    front: async () => {
      asked += 1;
      return asked < 5 ? unavailable('it compares its copy') : ok({ Table: {} });
    },
    port: 0,
    status: () => ({}),
  });
  const cluster = freshFolder();
  const folder = join(cluster, 'node-1');
  mkdirSync(folder);
  const kms = { endpoint: 'https://127.0.0.1:1', keyArn: 'a-key' };
  const tls = await freshCertificates(['127.0.0.1']);
  writeClusterFile(join(cluster, 'cluster.json'), { vaultId: 'v', kms, jwks: '{"keys":[]}', tls });
  rememberRunning(folder, {
    ...{ url: '', dynamodbEndpoint: served.endpoint, kmsEndpoint: kms.endpoint, kmsIsLocal: false },
    ...{ vaultId: 'v', tableName: 'vault', masterKeyId: 'a-key', takesLocalTokens: true },
  });
  try {
    const { dynamodb, close } = connectToNode(folder);
    await dynamodb.send(new DescribeTableCommand({ TableName: 'vault' })).finally(close);
  } finally {
    await served.close();
  }
  expect(asked).toBe(5);
});
