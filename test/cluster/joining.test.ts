/**
 * Nodes that join again after their member was removed, and nodes that were stopped while they were
 * forming a new cluster.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { type AgentOptions, get } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mutualTls } from '../../host/http/tls.ts';
import { clusterIdOf, readClusterFile } from '../../host/node/cluster-file.ts';
import { type Layout, nodesVariable, openLayout } from '../../host/node/layout.ts';
import { startMember } from '../../host/node/member.ts';
import { readNodeConfig } from '../../host/node/node-config.ts';
import { createPeerCall } from '../../host/node/peers.ts';
import type { ClusterStatus } from '../../local/cluster/status.ts';
import { freshCertificates } from '../support/certificates.ts';
import { type ClusterProcess, endCluster, startCluster } from '../support/cluster-process.ts';
import { memberOptionsOf } from '../support/nodes.ts';
import { until, untilSeen } from '../support/until.ts';

let cluster: ClusterProcess;
let layout: Layout;
beforeAll(async () => {
  cluster = await startCluster();
  layout = await openLayout(cluster.folder, undefined);
});
afterAll(() => endCluster(cluster));

const areServing = ({ nodes }: ClusterStatus): boolean =>
  nodes.every(({ state }) => state === 'serving');
const logOf = (node: number): string =>
  readFileSync(join(cluster.folder, `node-${node}`, 'log'), 'utf8');
const configOf = (node: number, nodes: string) =>
  readNodeConfig({ VAULT_NODE: String(node), VAULT_CLUSTER_FILE: layout.clusterFile }, nodes);

/**
 * Asks node 2 for a member for node 1, as node 1 does. Repeats that until the other nodes have a
 * leader.
 */
const askForMember = async (instead?: string): Promise<{ member: string; cluster?: string }> => {
  const nodes = layout.nodes.map(
    ({ node, etcdPort, peerPort }) => `${node}=127.0.0.1:${etcdPort}:${peerPort}`,
  );
  const ask = createPeerCall(configOf(1, nodes.join()), readClusterFile(layout.clusterFile));
  const body = JSON.stringify({ node: 1, instead });
  const options = { body, timeoutMs: 15_000 };
  const answer = await untilSeen(
    () => ask(2, 'POST', '/member', options).catch(() => ''),
    (text) => text !== '',
  );
  return JSON.parse(answer);
};

/** Returns the status with which node 1 answers on the port for members of etcd. */
const askEtcd = (options: AgentOptions): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const at = { host: '127.0.0.1', port: layout.nodes[0]?.etcdPort, path: '/version' };
    get({ ...at, agent: false, ...options }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).once('error', reject);
  });

describe('a node', () => {
  it('refuses clients without a certificate of the cluster on the port of its etcd', async () => {
    const { tls } = readClusterFile(layout.clusterFile);
    await expect(askEtcd({ ca: tls.ca })).rejects.toThrow();
    const stranger = mutualTls(await freshCertificates());
    await expect(askEtcd({ ...stranger, ca: tls.ca })).rejects.toThrow();
    expect(await askEtcd(mutualTls(tls))).toBe(200);
  });

  it('joins with a new etcd member if its own was removed, and a late request to replace that one does not remove the new one', async () => {
    await cluster.command('stop', '1');
    const before = logOf(1).length;
    const { member } = await askForMember();
    expect((await askForMember(member)).cluster).toContain('node-1=');
    await cluster.command('start', '1');
    await untilSeen(cluster.status, areServing);
    expect(logOf(1).slice(before)).toMatch(
      /etcd ended \(exit code \d: .*\), as it cannot use its files; this node asks for a new member/,
    );

    const { member: own } = await askForMember();
    expect(own).not.toBe(member);
    expect(await askForMember(member)).toEqual({ member: own });
    expect(await cluster.ask(1, 'GET', '/v1/secrets/NONE')).toMatchObject({ status: 404 });
  });

  it('forms a new cluster with the other nodes after it was stopped when only it had files of that cluster', async () => {
    await cluster.end('SIGTERM');
    for (const { folder } of layout.nodes) rmSync(folder, { recursive: true });
    const folder = join(cluster.folder, 'node-2');
    mkdirSync(folder, { mode: 0o700 });
    const file = readClusterFile(layout.clusterFile);
    const config = configOf(2, nodesVariable(layout.nodes));
    const of = { config, folder, clusterId: clusterIdOf(file), tls: file.tls };
    const alone = await startMember(memberOptionsOf(of), undefined);
    await until(() => existsSync(join(folder, 'etcd', 'member', 'wal')));
    await alone.close();

    cluster = await startCluster(cluster.folder);
    await untilSeen(cluster.status, areServing);
    const body = { name: 'NAME', value: 'v' };
    expect(await cluster.ask(2, 'POST', '/v1/secrets', { body })).toMatchObject({ status: 201 });
    for (const node of [1, 2, 3]) {
      expect(await cluster.ask(node, 'GET', '/v1/secrets/NAME')).toMatchObject({ status: 200 });
    }
    // Node 1 or 3 has no files. It may find that the cluster already exists, and join it.
    expect(logOf(2)).not.toContain('is joining');
  });
});
