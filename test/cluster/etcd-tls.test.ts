/** Three members of etcd that reach each other by TLS through the relay, as those of `npm run cluster` do. */
import { type AgentOptions, get } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mutualTls, type TlsFiles } from '../../local/cluster/cluster-file.ts';
import { hostOf, type Relay, startRelay } from '../../local/cluster/relay.ts';
import { connectEtcd, type EtcdClient } from '../../local/etcd/client.ts';
import { peerTlsOptions, writePeerTls } from '../../local/node/etcd-certificates.ts';
import { freshCertificates } from '../support/certificates.ts';
import { type EtcdMember, startEtcdMember } from '../support/etcd-member.ts';
import { findFreePorts } from '../support/free-ports.ts';
import { until } from '../support/until.ts';

type Member = EtcdMember & { readonly port: number; readonly etcd: EtcdClient };

const numbers = [1, 2, 3];
let tls: TlsFiles;
let relay: Relay;
let members: Member[] = [];

const startMember = async (node: number, ports: readonly number[]): Promise<Member> => {
  const port = ports[node - 1] ?? 0;
  const urlOf = (one: number) => `https://${hostOf(one)}:${ports[one - 1]}`;
  const options = {
    name: `node-${node}`,
    'listen-peer-urls': `https://127.0.0.1:${port}`,
    'initial-advertise-peer-urls': urlOf(node),
    'initial-cluster': numbers.map((one) => `node-${one}=${urlOf(one)}`).join(','),
    ...peerTlsOptions,
  };
  const member = await startEtcdMember(options, {
    environment: { HTTPS_PROXY: relay.proxyOf(node) },
    prepare: (folder) => writePeerTls(folder, tls),
  });
  return { ...member, port, etcd: connectEtcd(member.address) };
};

beforeAll(async () => {
  tls = await freshCertificates(numbers.map(hostOf));
  const ports = await findFreePorts(numbers.length);
  relay = await startRelay(numbers.map((node) => ({ node, ports: [ports[node - 1] ?? 0] })));
  members = await Promise.all(numbers.map((node) => startMember(node, ports)));
});
afterAll(async () => {
  for (const { etcd, close } of members) {
    etcd.close();
    await close();
  }
  await relay.close();
});

const member = (node: number): Member => {
  const found = members[node - 1];
  if (found === undefined) throw new Error(`there is no member ${node}`);
  return found;
};
const soon = () => performance.now() + 3_000;
const key = Buffer.from('key');
/** The answer of this member to a linearizable read; `undefined` if it refuses. */
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

  it('refuse a client of the peer port that speaks plain HTTP or has no certificate of the cluster', async () => {
    const { port } = member(1);
    const { certificate, key: strange } = await freshCertificates(numbers.map(hostOf));
    const stranger = mutualTls({ ...tls, certificate, key: strange });
    await expect(askPeerPort(port, { ca: tls.ca })).rejects.toThrow();
    await expect(askPeerPort(port, stranger)).rejects.toThrow();
    expect(await askPeerPort(port, mutualTls(tls))).toBe(200);
    const plain = fetch(`http://127.0.0.1:${port}/version`).then(({ status }) => status);
    expect([400, 'refused']).toContain(await plain.catch(() => 'refused'));
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
