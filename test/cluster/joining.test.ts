/** How nodes find their places again whose members were removed, or that were stopped before they had any. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readClusterFile } from '../../local/cluster/cluster-file.ts';
import { nodesVariable, openLayout } from '../../local/cluster/layout.ts';
import { readNodeConfig } from '../../local/replica/config.ts';
import { startMember } from '../../local/replica/member.ts';
import {
  type ClusterProcess,
  endCluster,
  type Status,
  startCluster,
  until,
} from '../support/cluster-process.ts';
import { listeningOf } from '../support/listening.ts';

let cluster: ClusterProcess;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(async () => {
  await endCluster(cluster);
});

const areServing = ({ nodes }: Status): boolean => nodes.every(({ state }) => state === 'serving');
const logOf = (node: number): string =>
  readFileSync(join(cluster.folder, `node-${node}`, 'log'), 'utf8');

/** Asks node 2 for a place, as node 1 does. */
const askForPlace = async (instead?: string) => {
  const read = (file: string) => JSON.parse(readFileSync(join(cluster.folder, file), 'utf8'));
  const { firstPort } = read('ports.json');
  const { secret } = read('cluster.json');
  const sockets = listeningOf(cluster.pids('node-2'));
  const { host } = sockets.find(({ port }) => port === firstPort + 21) ?? {};
  const reply = await fetch(`http://${host}:${firstPort + 21}/place`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${secret}` },
    body: JSON.stringify({ node: 1, instead }),
  });
  return JSON.parse(await reply.text());
};

describe('a node', () => {
  it('that begins with the files of a member that was removed takes a new place, which no late request takes away', async () => {
    await cluster.command('stop', '1');
    const before = logOf(1).length;
    const { member } = await askForPlace();
    expect(await askForPlace(member)).toEqual({ cluster: expect.stringContaining('node-1=') });
    await cluster.command('start', '1');
    await until(cluster.status, areServing);
    expect(logOf(1).slice(before)).toContain('etcd cannot use its files (data-dir used by this');

    const { member: own } = await askForPlace();
    expect(own).not.toBe(member);
    expect(await askForPlace(member)).toEqual({ member: own });
    expect(await cluster.ask(1, 'GET', '/v1/secrets/NONE')).toMatchObject({ status: 404 });
  });

  it('that alone had begun the log when all were stopped begins it with the others at the next start', async () => {
    await cluster.end('SIGTERM');
    const { nodes, clusterFile } = await openLayout(cluster.folder, undefined);
    for (const { folder } of nodes) rmSync(folder, { recursive: true });
    const folder = join(cluster.folder, 'node-2');
    mkdirSync(folder, { mode: 0o700 });
    const alone = await startMember(
      {
        config: readNodeConfig({
          VAULT_NODE: '2',
          VAULT_NODES: nodesVariable(nodes),
          VAULT_PEER_HOST: '127.0.0.1',
          VAULT_CLUSTER_FILE: clusterFile,
        }),
        folder,
        secret: readClusterFile(clusterFile).secret,
        makeRoom: () => Promise.reject(new Error('there is nobody to ask')),
        report: () => undefined,
      },
      undefined,
    );
    await until(
      () => existsSync(join(folder, 'etcd', 'member', 'wal')),
      (isThere) => isThere,
    );
    await alone.close();

    cluster = await startCluster(cluster.folder);
    await until(cluster.status, areServing);
    const body = { name: 'NAME', value: 'v' };
    expect(await cluster.ask(2, 'POST', '/v1/secrets', { body })).toMatchObject({ status: 201 });
    for (const node of [1, 2, 3]) {
      expect(await cluster.ask(node, 'GET', '/v1/secrets/NAME')).toMatchObject({ status: 200 });
      expect(logOf(node)).not.toContain('is joining');
    }
  });
});
