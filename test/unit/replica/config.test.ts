import { describe, expect, it } from '@jest/globals';
import { readNodeConfig } from '../../../local/replica/config.ts';

const whole = {
  VAULT_NODES: '1=127.0.0.1:2381:2391,2=node-2.internal:2382:2392,3=10.0.0.3:2383:2393',
  VAULT_NODE: '2',
  VAULT_CLUSTER_FILE: '/cluster.json',
};

describe("a node's settings", () => {
  it('are which node it is, where all are, and presets', () => {
    expect(readNodeConfig(whole)).toEqual({
      node: 2,
      nodes: [
        { node: 1, host: '127.0.0.1', etcdPort: 2381, peerPort: 2391 },
        { node: 2, host: 'node-2.internal', etcdPort: 2382, peerPort: 2392 },
        { node: 3, host: '10.0.0.3', etcdPort: 2383, peerPort: 2393 },
      ],
      peerHost: '127.0.0.1',
      peerProxy: undefined,
      frontProxy: undefined,
      clusterFile: '/cluster.json',
      logKept: 20_000,
    });
  });

  it('may say where to listen, by which proxy to go and what to keep', () => {
    const more = {
      VAULT_PEER_HOST: '0.0.0.0',
      VAULT_PEER_PROXY: 'http://127.0.0.1:9000',
      VAULT_FRONT_PROXY: 'http://127.0.0.1:9001',
      VAULT_LOG_KEPT: '50',
    };
    const { peerHost, peerProxy, frontProxy, logKept } = readNodeConfig({ ...whole, ...more });
    expect([peerHost, peerProxy?.href, logKept]).toEqual(['0.0.0.0', 'http://127.0.0.1:9000/', 50]);
    expect(frontProxy).toBe('http://127.0.0.1:9001');
  });

  it.each([
    ['VAULT_NODES', undefined],
    ['VAULT_NODES', ''],
    ['VAULT_NODES', '1=127.0.0.1:2381'],
    ['VAULT_NODES', '1=a:1:2,3=b:1:2,2=c:1:2'],
    ['VAULT_NODES', '1=a:1:2,2=b:1:2'],
    ['VAULT_NODES', '2=a:1:2,3=b:1:2,4=c:1:2'],
    ['VAULT_NODES', '1=a:1:2,2=b:1:2,2=c:1:2'],
    ['VAULT_NODE', undefined],
    ['VAULT_NODE', '4'],
    ['VAULT_NODE', 'two'],
    ['VAULT_CLUSTER_FILE', undefined],
    ['VAULT_LOG_KEPT', '0'],
    ['VAULT_LOG_KEPT', 'many'],
    ['VAULT_LOG_KEPT', '1.5'],
    ['VAULT_PEER_PROXY', 'nowhere'],
    ['VAULT_FRONT_PROXY', 'nowhere'],
  ])('refuse a %s of %p in a sentence that names it', (name, value) => {
    const read = () => readNodeConfig({ ...whole, [name]: value });
    expect(read).toThrow(expect.objectContaining({ name: 'Failure' }));
    expect(read).toThrow(name);
  });
});
