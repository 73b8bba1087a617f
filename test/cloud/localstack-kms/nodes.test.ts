/** Three nodes whose master key is in LocalStack's KMS. */
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ClusterProcess, endCluster, startCluster } from '../../support/cluster-process.ts';
import { runLocal } from '../../support/local-process.ts';
import { untilSeen } from '../../support/until.ts';
import { type LocalKms, startKms } from './localstack.ts';

let kms: LocalKms;
let cluster: ClusterProcess;
beforeAll(async () => {
  kms = await startKms();
  cluster = await startCluster(undefined, { ...kms.env, AWS_REGION: 'us-east-1' } as Record<
    string,
    string
  >);
});
afterAll(async () => {
  if (cluster) await endCluster(cluster);
  await kms?.close();
});

const nodes = [1, 2, 3];
const create = (node: number, name: string) =>
  cluster.ask(node, 'POST', '/v1/secrets', { body: { name, value: `of ${name}` } });
const read = (node: number, name: string) => cluster.ask(node, 'GET', `/v1/secrets/${name}`);

describe('three nodes with a master key in a KMS', () => {
  it('open on each node what any node has stored', async () => {
    for (const node of nodes) {
      expect(await create(node, `KEPT_${node}`)).toMatchObject({ status: 201 });
      for (const other of nodes) {
        const shown = { status: 200, body: { value: `of KEPT_${node}` } };
        expect(await read(other, `KEPT_${node}`)).toMatchObject(shown);
      }
    }
    // A node whose first look at the key took too long looks again after a minute.
    await untilSeen(
      cluster.status,
      (status) =>
        status.nodes.length === nodes.length &&
        status.nodes.every(({ masterKey }) => masterKey === 'usable'),
    );
  });

  // Shows G9.
  it('answer 503 on all nodes to requests that need the key, and store nothing, while the key is disabled, and serve again once it is enabled', async () => {
    const KeyId = kms.key.id;
    const refused = { status: 503, body: { code: 'master_key_unavailable', retryable: false } };
    await kms.client.send(new DisableKeyCommand({ KeyId }));
    for (const node of nodes) {
      expect(await read(node, 'KEPT_1')).toMatchObject(refused);
      expect(await create(node, 'NEVER')).toMatchObject(refused);
      expect(await read(node, 'NEVER')).toMatchObject({ status: 404 });
    }
    await kms.client.send(new EnableKeyCommand({ KeyId }));
    for (const node of nodes) {
      expect(await read(node, 'KEPT_1')).toMatchObject({ status: 200 });
      expect(await read(node, 'NEVER')).toMatchObject({ status: 404 });
    }
  });

  it('are verified by inspect through the KMS', async () => {
    const env = { ...kms.env, VAULT_DATA_DIR: `${cluster.folder}/node-1` };
    const { exit, output } = runLocal('inspect', ['--verify'], env);
    expect(await exit).toBe(0);
    expect(output.at(-1)).toBe('verified the whole table: no violations');
  });
});
