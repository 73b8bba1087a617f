import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { identityIn, makeMasterKey } from '../../../../host/kms/key-file.ts';
import type { ClusterFile } from '../../../../host/node/cluster-file.ts';
import {
  type ClusterPlan,
  checkCopy,
  copyForNodes,
  initCluster,
  nodesOf,
} from '../../../../host/node/init.ts';
import { freshFolder } from '../../../support/local-process.ts';

const three = nodesOf('10.0.0.1,10.0.0.2,node-3.internal');
const arn = 'arn:aws:kms:eu-central-1:111122223333:key/6f1f3c5e-0a52-4c3f-9a0e-3f6f6a1d2b11';

const init = (folder: string, more: Partial<ClusterPlan> = {}): Promise<ClusterFile> =>
  initCluster({ folder, clusterFile: join(folder, 'cluster.json'), ...more });
const made = async (more: Partial<ClusterPlan> = {}) => {
  const folder = join(freshFolder(), 'cluster');
  return { folder, cluster: await init(folder, { nodes: three, ...more }) };
};
const hostsOf = ({ tls }: ClusterFile) => new X509Certificate(tls.certificate).subjectAltName;
const isSigned = (one: ClusterFile, by: ClusterFile): boolean =>
  new X509Certificate(one.tls.certificate).verify(new X509Certificate(by.tls.ca).publicKey);

describe('npm run cluster -- init', () => {
  it('makes all files of a new cluster, for the owner only', async () => {
    const { folder, cluster } = await made();
    expect(readdirSync(folder).sort()).toEqual([
      ...['cluster.json', 'kms.json', 'tls.json', 'token-key.json', 'vault.json'],
    ]);
    for (const name of readdirSync(folder)) {
      expect([name, statSync(join(folder, name)).mode & 0o777]).toEqual([name, 0o600]);
    }
    expect(cluster.nodes).toBe(
      '1=10.0.0.1:2380:2390,2=10.0.0.2:2380:2390,3=node-3.internal:2380:2390',
    );
    expect(cluster.key).toEqual(identityIn(join(folder, 'kms.json')));
    expect(hostsOf(cluster)).toMatch(/10\.0\.0\.1, IP Address:10\.0\.0\.2, DNS:node-3\.internal$/);
    expect(JSON.parse(cluster.jwks).keys).toEqual([
      expect.not.objectContaining({ d: expect.anything() }),
    ]);
  });

  it('keeps everything when it runs again', async () => {
    const { folder, cluster } = await made();
    expect(await init(folder)).toEqual(cluster);
    expect(await init(folder, { nodes: three })).toEqual(cluster);
  });

  it.each<[string, Partial<ClusterPlan>, (keyof ClusterFile)[]]>([
    ['--renew makes a new certificate', { renewal: 'certificate' }, ['tls']],
    ['--new-authority makes a new certificate', { renewal: 'authority' }, ['tls']],
    ['--new-cluster makes a new token', { isNewCluster: true }, ['token']],
    [
      '--renew with --nodes takes new addresses',
      { renewal: 'certificate', nodes: nodesOf('a.internal,b.internal:2:3,c.internal') },
      ['nodes', 'tls'],
    ],
  ])('%s, and keeps the rest of cluster.json', async (_, more, changed) => {
    const { folder, cluster } = await made();
    const again = await init(folder, more);
    const differing = Object.keys(cluster).filter(
      (name) =>
        JSON.stringify(Reflect.get(cluster, name)) !== JSON.stringify(Reflect.get(again, name)),
    );
    expect(differing.sort()).toEqual(changed);
    expect(isSigned(again, cluster)).toBe(more.renewal !== 'authority');
  });

  it('refuses a damaged token-key.json before it renews the certificate', async () => {
    const { folder } = await made();
    const tls = readFileSync(join(folder, 'tls.json'), 'utf8');
    writeFileSync(join(folder, 'token-key.json'), '{');
    await expect(init(folder, { renewal: 'authority' })).rejects.toThrow('is damaged');
    expect(readFileSync(join(folder, 'tls.json'), 'utf8')).toBe(tls);
  });

  it('refuses other nodes without --renew, because the certificate would not name them', async () => {
    const { folder, cluster } = await made();
    await expect(init(folder, { nodes: nodesOf('10.0.0.9') })).rejects.toThrow(
      'the certificate names the hosts 10.0.0.1 10.0.0.2 node-3.internal: --renew makes a new one',
    );
    expect(await init(folder)).toEqual(cluster);
  });

  it('refuses the folder of a cluster without its cluster.json, unless --new-cluster is given', async () => {
    const { folder, cluster } = await made();
    rmSync(join(folder, 'cluster.json'));
    await expect(init(folder, { nodes: three })).rejects.toThrow('copy cluster.json from a node');
    const again = await init(folder, { nodes: three, isNewCluster: true });
    expect({ ...again, token: cluster.token }).toEqual(cluster);
    expect(again.token).not.toBe(cluster.token);
  });

  it('makes no second key for a vault whose key is kept elsewhere', async () => {
    const { folder, cluster } = await made();
    rmSync(join(folder, 'kms.json'));
    expect(await init(folder, { renewal: 'certificate' })).toMatchObject({ key: cluster.key });
    expect(existsSync(join(folder, 'kms.json'))).toBe(false);
    rmSync(join(folder, 'cluster.json'));
    await expect(init(folder, { nodes: three, isNewCluster: true })).rejects.toThrow(
      'kms.json cannot be read (ENOENT)',
    );
  });

  it("refuses a key other than the vault's", async () => {
    const { folder, cluster } = await made();
    rmSync(join(folder, 'kms.json'));
    makeMasterKey(join(folder, 'kms.json'));
    await expect(init(folder)).rejects.toThrow("holds another master key than the vault's");
    await expect(init(folder, { masterKeyId: arn })).rejects.toThrow('has another master key');
    expect(JSON.parse(readFileSync(join(folder, 'cluster.json'), 'utf8'))).toEqual(cluster);
  });

  it('records a key of a KMS by its ARN, and then makes no key file', async () => {
    const { folder, cluster } = await made({ masterKeyId: arn });
    expect(cluster.key).toEqual({ masterKeyId: arn });
    expect(existsSync(join(folder, 'kms.json'))).toBe(false);
    expect(await init(folder, { masterKeyId: arn })).toEqual(cluster);
    await expect(init(folder, { masterKeyId: `${arn}0` })).rejects.toThrow(
      'has another master key',
    );
    await expect(made({ masterKeyId: 'alias/vault' })).rejects.toThrow(
      '--kms takes the ARN of a key',
    );
  });

  it('says with --check whether a copied file is the master key', async () => {
    const { folder } = await made();
    const clusterFile = join(folder, 'cluster.json');
    checkCopy(clusterFile, join(folder, 'kms.json'));
    const other = join(freshFolder(), 'kms.json');
    makeMasterKey(other);
    expect(() => checkCopy(clusterFile, other)).toThrow('holds another master key');
    expect(() => checkCopy(clusterFile, `${other}.none`)).toThrow('cannot be read (ENOENT)');
    expect(() => checkCopy(`${clusterFile}.none`, other)).toThrow('there is no');
  });

  it('copies only cluster.json and the master key file for the nodes', async () => {
    const { folder } = await made();
    const to = join(freshFolder(), 'nodes');
    copyForNodes(folder, to);
    copyForNodes(folder, to);
    expect(readdirSync(to).sort()).toEqual(['cluster.json', 'kms.json']);
  });

  it.each([
    ['', 'each HOST or HOST:ETCD_PORT:PEER_PORT'],
    ['a,b', '--nodes takes 1, 3, 5 or 7 hosts'],
    ['a,b,c d', 'each HOST or HOST:ETCD_PORT:PEER_PORT'],
    ['a:1:2:3,b,c', 'each HOST or HOST:ETCD_PORT:PEER_PORT'],
    ['a:x:2,b,c', 'each HOST or HOST:ETCD_PORT:PEER_PORT'],
  ])('refuses the list of nodes %j', (text, sentence) => {
    expect(() => nodesOf(text)).toThrow(sentence);
  });

  it('requires --nodes when it runs for the first time', async () => {
    await expect(init(freshFolder())).rejects.toThrow('--nodes is needed');
  });
});
