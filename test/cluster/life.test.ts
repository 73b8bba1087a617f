/**
 * A whole cluster: whatever ends it, all of its processes end, and it starts again with its data.
 */
import { describe, expect, it } from '@jest/globals';
import { endCluster, isAlive, startCluster } from '../support/cluster-process.ts';
import { freshFolder, runLocal } from '../support/local-process.ts';
import { until } from '../support/until.ts';

const members = ['node-1', 'node-2', 'node-3'];

describe('a cluster', () => {
  it('ends with all of its processes on each signal, and starts again with its secrets', async () => {
    // The nodes of npm run cluster serve HTTP, and ignore these variables.
    const tls = { VAULT_TLS_CERT: '/nowhere', VAULT_TLS_KEY: '/nowhere' };
    let cluster = await startCluster(freshFolder(), tls);
    const body = { name: 'KEPT', value: 'v' };
    expect((await cluster.ask(1, 'POST', '/v1/secrets', { body })).status).toBe(201);
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL'] as const) {
      const pids = members.flatMap(cluster.pids);
      expect(pids.filter(isAlive)).toHaveLength(6);
      expect(await cluster.end(signal)).toBe(signal === 'SIGKILL' ? null : 0);
      await until(() => !pids.some(isAlive));
      expect((await cluster.command('status')).text).toMatch(/^no cluster runs on the folder/);
      cluster = await startCluster(cluster.folder);
      for (const node of [1, 2, 3]) {
        expect((await cluster.ask(node, 'GET', '/v1/secrets/KEPT')).body['value']).toBe('v');
      }
    }
    const asked = runLocal('token', ['--tenant', 'a', '--sub', 'b', '--json'], {
      VAULT_DATA_DIR: cluster.folder,
    });
    expect([await asked.exit, asked.errors]).toEqual([0, []]);
    const { url, token } = JSON.parse(asked.output.join(''));
    const headers = { Authorization: `Bearer ${token}` };
    expect((await fetch(`${url}/v1/secrets`, { headers })).status).toBe(200);
    await endCluster(cluster);
  });

  it('refuses a command in one sentence while it does not run', async () => {
    const { exit, errors } = runLocal('cluster', ['kill', '1'], { VAULT_DATA_DIR: freshFolder() });
    expect(await exit).toBe(1);
    expect(errors).toEqual([
      expect.stringMatching(/^no cluster runs on the folder .*npm run cluster/),
    ]);
  });

  it('refuses to start without etcd, and says in one sentence how to get it', async () => {
    const env = { VAULT_DATA_DIR: freshFolder(), PATH: '/nowhere' };
    const { exit, errors } = runLocal('cluster', [], env);
    expect(await exit).toBe(78);
    expect(errors).toEqual([expect.stringMatching(/^etcd is not on the PATH: install it/)]);
  });
});
