import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ok, unavailable } from '../../../../local/etcd/dynamodb-protocol.ts';
import { startHttpFront } from '../../../../local/etcd/http-front.ts';
import {
  describeKeyFile,
  identityIn,
  makeMasterKey,
  stateOfKey,
} from '../../../../local/kms/key-file.ts';
import { rememberKey } from '../../../../local/kms/vault-key.ts';
import { writeClusterFile } from '../../../../local/node/cluster-file.ts';
import { connectToFolder, connectToNode } from '../../../../local/vaults/connect.ts';
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

describe('a connection to a vault that runs', () => {
  const tls = { ca: 'c', certificate: 'c', key: 'k' };
  /** A folder with the record of a running vault, whose key has another material than the one that is remembered. */
  const running = () => {
    const cluster = freshFolder();
    const folder = join(cluster, 'node-1');
    const file = join(cluster, 'kms.json');
    mkdirSync(folder);
    makeMasterKey(file);
    const identity = identityIn(file);
    runningRecord.remember(folder, {
      ...{ url: '', dynamodbEndpoint: 'http://127.0.0.1:1', masterKeyFile: file, vaultId: 'v' },
      tableName: 'vault',
      ...{ masterKeyId: describeKeyFile(file).arn, takesLocalTokens: true },
    });
    const keyMaterial = Buffer.alloc(32, 7).toString('base64');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), keyMaterial }));
    const asNode = (check: string | undefined) =>
      writeClusterFile(join(cluster, 'cluster.json'), {
        ...{ token: 't', vaultId: 'v', jwks: 'j', tls },
        key: { keyId: identity.keyId, ...(check !== undefined && { check }) },
      });
    return { folder, identity, asNode };
  };
  const keyOf = async (connection: ReturnType<typeof connectToNode>) => {
    const { keyFile, close } = connection;
    await close();
    return keyFile && [keyFile.isProved, stateOfKey(keyFile.key)];
  };

  it('refuses another key of the same id by what cluster.json remembers', async () => {
    const { folder, identity, asNode } = running();
    asNode(identity.check);
    expect(await keyOf(connectToNode(folder))).toEqual([true, 'incorrect']);
  });

  it('refuses it by what the node remembers, if cluster.json has only its id', async () => {
    const { folder, identity, asNode } = running();
    asNode(undefined);
    expect(await keyOf(connectToNode(folder))).toEqual([false, 'usable']);
    rememberKey(folder, identity);
    expect(await keyOf(connectToNode(folder))).toEqual([true, 'incorrect']);
  });

  it('refuses it by what the folder of npm start remembers', async () => {
    const { folder, identity } = running();
    expect(await keyOf(connectToFolder(folder))).toEqual([false, 'usable']);
    rememberKey(folder, identity);
    expect(await keyOf(connectToFolder(folder))).toEqual([true, 'incorrect']);
    rememberKey(folder, { ...identity, keyId: '6f1f3c5e-0a52-4c3f-9a0e-3f6f6a1d2b11' });
    expect(await keyOf(connectToFolder(folder))).toEqual([false, 'usable']);
  });
});
