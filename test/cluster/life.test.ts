/** A cluster as a whole: it ends whole, however it ends, and begins again with what it had. */
import { describe, expect, it } from '@jest/globals';
import { endCluster, isAlive, startCluster, until } from '../support/cluster-process.ts';
import { freshFolder, runLocal } from '../support/local-process.ts';

const members = ['key', 'node-1', 'node-2', 'node-3'];

describe('a cluster', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL'] as const)(
    'ends with all of its processes on %s, and starts again with its secrets',
    async (signal) => {
      const cluster = await startCluster();
      const body = { name: 'KEPT', value: 'v' };
      expect((await cluster.ask(1, 'POST', '/v1/secrets', { body })).status).toBe(201);
      const asked = runLocal('token', ['--tenant', 'a', '--sub', 'b', '--json'], {
        VAULT_DATA_DIR: cluster.folder,
      });
      expect([await asked.exit, asked.errors]).toEqual([0, []]);
      const { url, token } = JSON.parse(asked.output.join(''));
      const headers = { Authorization: `Bearer ${token}` };
      expect((await fetch(`${url}/v1/secrets`, { headers })).status).toBe(200);
      const pids = members.flatMap(cluster.pids);
      expect(pids.filter(isAlive)).toHaveLength(7);
      const code = await cluster.end(signal);
      expect(code).toBe(signal === 'SIGKILL' ? null : 0);
      await until(
        () => pids.filter(isAlive),
        ({ length }) => length === 0,
      );
      expect((await cluster.command('status')).text).toMatch(/^no cluster runs on the folder/);

      const again = await startCluster(cluster.folder);
      for (const node of [1, 2, 3]) {
        expect((await again.ask(node, 'GET', '/v1/secrets/KEPT')).body['value']).toBe('v');
      }
      await endCluster(again);
    },
  );

  it('that is not there is said to be so in one sentence', async () => {
    const { exit, errors } = runLocal('cluster', ['kill', '1'], { VAULT_DATA_DIR: freshFolder() });
    expect(await exit).toBe(1);
    expect(errors).toEqual([
      expect.stringMatching(/^no cluster runs on the folder .*npm run cluster/),
    ]);
  });

  it('is not started without etcd, and one sentence says how to get it', async () => {
    const env = { VAULT_DATA_DIR: freshFolder(), PATH: '/nowhere' };
    const { exit, errors } = runLocal('cluster', [], env);
    expect(await exit).toBe(1);
    expect(errors).toEqual([expect.stringMatching(/^etcd is not on the PATH: install it/)]);
  });
});
