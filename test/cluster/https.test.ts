/** A node serves its callers over HTTPS, with a certificate for that port. */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { initCluster, nodesOf } from '../../host/node/init.ts';
import { findFreePorts } from '../support/free-ports.ts';
import { addressOf, freshFolder, runLocal } from '../support/local-process.ts';
import { servingFiles } from '../support/serving-files.ts';

it('a node serves HTTPS, records its certificate, and passes the health check of its image', async () => {
  const folder = freshFolder();
  const clusterFile = join(folder, 'cluster.json');
  const { pair, variables } = await servingFiles();
  const nodes = nodesOf(`127.0.0.1:${(await findFreePorts(2)).join(':')}`);
  await initCluster({ folder, clusterFile, nodes });
  const dataFolder = join(folder, 'node-1');
  const node = runLocal('node', [], {
    ...{ VAULT_NODE: '1', VAULT_CLUSTER_FILE: clusterFile, VAULT_DATA_DIR: dataFolder },
    ...{ VAULT_MASTER_KEY_FILE: join(folder, 'kms.json'), PORT: '0', ...variables },
  });
  try {
    const url = await addressOf(node);
    const status = new Promise((resolve, reject) => {
      request(`${url}/health?ready`, { ca: pair.ca }, (reply) => resolve(reply.statusCode))
        .on('error', reject)
        .end();
    });
    expect(await status).toBe(200);
    const recorded = JSON.parse(readFileSync(join(dataFolder, 'running.json'), 'utf8'));
    expect(recorded).toMatchObject({ url, certificate: pair.certificate });
    const { port: PORT } = new URL(url);
    expect(await runLocal('health', [], { ...variables, PORT }).exit).toBe(0);
  } finally {
    node.child.kill('SIGTERM');
    await node.exit;
  }
});
