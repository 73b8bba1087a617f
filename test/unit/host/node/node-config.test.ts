import { describe, expect, it } from '@jest/globals';
import { readClusterFileName, readNodeConfig } from '../../../../host/node/node-config.ts';

const list = '1=127.0.0.1:2381:2391,2=node-2.internal:2382:2392,3=10.0.0.3:2383:2393';
const whole = { VAULT_NODE: '2' };

describe('readNodeConfig', () => {
  it('reads the number of the node and the addresses of all nodes, with defaults for the rest', () => {
    expect(readNodeConfig(whole, list)).toEqual({
      compareEveryMs: undefined,
      quotaBytes: 8 * 1_073_741_824,
      node: 2,
      nodes: [
        { node: 1, host: '127.0.0.1', etcdPort: 2381, peerPort: 2391 },
        { node: 2, host: 'node-2.internal', etcdPort: 2382, peerPort: 2392 },
        { node: 3, host: '10.0.0.3', etcdPort: 2383, peerPort: 2393 },
      ],
      peerHost: '127.0.0.1',
      peerProxy: undefined,
      etcdProxy: undefined,
    });
  });

  it('leaves the name of the cluster file to readClusterFileName, which requires VAULT_CLUSTER_FILE', () => {
    expect(readClusterFileName({ VAULT_CLUSTER_FILE: '/cluster.json' })).toBe('/cluster.json');
    expect(() => readClusterFileName({})).toThrow('VAULT_CLUSTER_FILE is not set');
  });

  it('reads the listening address and the proxies', () => {
    const more = {
      VAULT_PEER_HOST: '0.0.0.0',
      VAULT_PEER_PROXY: 'http://127.0.0.1:9000',
      VAULT_ETCD_PROXY: 'unix:/tmp/proxy',
    };
    const { peerHost, peerProxy, etcdProxy } = readNodeConfig({ ...whole, ...more }, list);
    expect([peerHost, peerProxy?.href]).toEqual(['0.0.0.0', 'http://127.0.0.1:9000/']);
    expect(etcdProxy).toBe('unix:/tmp/proxy');
  });

  it('reads the quota in bytes, and the interval between comparisons in seconds', () => {
    const more = { VAULT_QUOTA_BYTES: '1048576', VAULT_COMPARE_SECONDS: '5' };
    const { quotaBytes, compareEveryMs } = readNodeConfig({ ...whole, ...more }, list);
    expect([quotaBytes, compareEveryMs]).toEqual([1_048_576, 5_000]);
  });

  it.each([
    ['VAULT_NODE', undefined],
    ['VAULT_NODE', '4'],
    ['VAULT_NODE', 'two'],
    ['VAULT_PEER_PROXY', 'nowhere'],
    ['VAULT_ETCD_PROXY', 'nowhere'],
    ['VAULT_QUOTA_BYTES', '8 GB'],
    ['VAULT_COMPARE_SECONDS', '0'],
  ])('refuses the setting %s=%p with an error that names it', (name, value) => {
    const read = () => readNodeConfig({ ...whole, [name]: value }, list);
    expect(read).toThrow(expect.objectContaining({ name: 'Failure' }));
    expect(read).toThrow(name);
  });

  it.each([
    ['', 'must list the nodes as'],
    ['1=127.0.0.1:2381', 'must list the nodes as'],
    ['1=a:1:2,3=b:1:2,2=c:1:2', 'must number the nodes from 1 upwards'],
    ['1=a:1:2,2=b:1:2', 'their count must be odd'],
    ['2=a:1:2,3=b:1:2,4=c:1:2', 'must number the nodes from 1 upwards'],
    ['1=a:1:2,2=b:1:2,2=c:1:2', 'must number the nodes from 1 upwards'],
  ])('refuses the list of nodes %p of a cluster file', (nodes, sentence) => {
    expect(() => readNodeConfig(whole, nodes)).toThrow(sentence);
  });
});
