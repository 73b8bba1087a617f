/** Three members of etcd that reach each other by TLS through the relay, as those of `npm run cluster` do. */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { get as getPlain } from 'node:http';
import { type AgentOptions, get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mutualTls, type TlsFiles } from '../../local/cluster/cluster-file.ts';
import { hostOf, type Relay, startRelay } from '../../local/cluster/relay.ts';
import { connectEtcd, type EtcdClient } from '../../local/etcd/client.ts';
import { findFreePort } from '../../local/host/ports.ts';
import { endChild, startChild } from '../../local/host/supervisor.ts';
import { peerTlsOptions, writePeerTls } from '../../local/node/etcd-certificates.ts';
import { freshCertificates } from '../support/certificates.ts';
import { until } from '../support/until.ts';

type Member = {
  readonly node: number;
  readonly port: number;
  readonly folder: string;
  readonly child: ChildProcess;
  readonly etcd: EtcdClient;
};

const numbers = [1, 2, 3];
let tls: TlsFiles;
let relay: Relay;
let members: Member[] = [];

const startMember = (node: number, ports: readonly number[]): Member => {
  const folder = mkdtempSync(join(tmpdir(), 'vault-etcd-'));
  const urlOf = (one: number) => `https://${hostOf(one)}:${ports[one - 1]}`;
  writePeerTls(folder, tls);
  const options = {
    name: `node-${node}`,
    'data-dir': 'etcd',
    'listen-client-urls': 'unix://etcd.client:1',
    'advertise-client-urls': 'unix://etcd.client:1',
    'listen-peer-urls': `https://127.0.0.1:${ports[node - 1]}`,
    'initial-advertise-peer-urls': urlOf(node),
    'initial-cluster': numbers.map((one) => `node-${one}=${urlOf(one)}`).join(','),
    ...peerTlsOptions,
    logger: 'zap',
    'log-level': 'error',
  };
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const environment = {
    ETCD_UNSUPPORTED_ARCH: process.arch,
    HTTPS_PROXY: relay.proxyOf(node),
  };
  const child = startChild('etcd', args, folder, environment);
  child.stderr?.resume();
  const etcd = connectEtcd(`unix:${folder}/etcd.client:1`);
  return { node, port: ports[node - 1] ?? 0, folder, child, etcd };
};

beforeAll(async () => {
  tls = await freshCertificates(numbers.map(hostOf));
  const ports: number[] = [];
  while (ports.length < numbers.length) {
    const port = await findFreePort();
    if (!ports.includes(port)) ports.push(port);
  }
  relay = await startRelay(numbers.map((node) => ({ node, ports: [ports[node - 1] ?? 0] })));
  members = numbers.map((node) => startMember(node, ports));
});
afterAll(async () => {
  for (const { etcd, child, folder } of members) {
    etcd.close();
    await endChild(child, 0);
    rmSync(folder, { recursive: true });
  }
  await relay.close();
});

const member = (node: number): Member => {
  const found = members.find((one) => one.node === node);
  if (found === undefined) throw new Error(`there is no member ${node}`);
  return found;
};
const soon = () => performance.now() + 3_000;
const key = Buffer.from('key');
/** What a linearizable read of this member answers; `undefined` if it refuses. */
const read = ({ etcd }: Member): Promise<string | undefined> =>
  etcd.range({ key }, soon()).then(
    ({ kvs }) => kvs[0]?.value.toString() ?? '',
    () => undefined,
  );
const write = async ({ etcd }: Member, value: string): Promise<boolean> => {
  const put = { request_put: { key, value: Buffer.from(value) } };
  return await etcd.txn({ compare: [], success: [put], failure: [] }, soon()).then(
    () => true,
    () => false,
  );
};
/** The status that the peer port answers to a client with these options of Node. */
const askPeerPort = (port: number, options: AgentOptions): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/version', agent: false, ...options }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).once('error', reject);
  });

describe('members of etcd with the certificate of the cluster', () => {
  it('reach each other through the tunnels of the relay', async () => {
    await until(() => write(member(1), 'one'), 60_000);
    for (const node of numbers) await until(async () => (await read(member(node))) === 'one');
  });

  it('refuse a client of the peer port without a certificate of the cluster', async () => {
    const { port } = member(1);
    const { certificate, key: strange } = await freshCertificates(numbers.map(hostOf));
    const stranger = mutualTls({ ...tls, certificate, key: strange });
    await expect(askPeerPort(port, { ca: tls.ca })).rejects.toThrow();
    await expect(askPeerPort(port, stranger)).rejects.toThrow();
    expect(await askPeerPort(port, mutualTls(tls))).toBe(200);
  });

  it('answer no plain HTTP on the peer port', async () => {
    const { port } = member(1);
    const status = await new Promise((resolve) => {
      getPlain({ host: '127.0.0.1', port, path: '/version', agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).once('error', () => resolve('refused'));
    });
    expect([400, 'refused']).toContain(status);
  });

  it('go on without a member that the relay cuts off, and it answers nothing until it is back', async () => {
    relay.isolate(1);
    expect(await read(member(1))).toBeUndefined();
    expect(await write(member(1), 'alone')).toBe(false);
    await until(() => write(member(2), 'two'), 20_000);
    expect(await read(member(3))).toBe('two');
    relay.heal(1);
    await until(async () => (await read(member(1))) === 'two', 20_000);
  });
});
