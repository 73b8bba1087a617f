import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { nodesVariable, openLayout, readFirstPort } from '../../../../host/node/layout.ts';
import { freshFolder } from '../../../support/local-process.ts';

const portsOf = async (folder: string, asked: number | undefined) => {
  const { nodes } = await openLayout(folder, asked);
  return nodes.flatMap(({ port, etcdPort, peerPort }) => [port, etcdPort, peerPort]);
};

describe('the layout of a cluster', () => {
  it('puts the vaults at 3001 to 3003 unless CLUSTER_PORT is set', async () => {
    const ports = [3001, 3011, 3021, 3002, 3012, 3022, 3003, 3013, 3023];
    expect(await portsOf(freshFolder(), readFirstPort({}))).toEqual(ports);
    expect(await portsOf(freshFolder(), readFirstPort({ CLUSTER_PORT: '3301' }))).toEqual(
      ports.map((port) => port + 300),
    );
  });

  it('keeps the ports by which the nodes know each other, while the vaults may move', async () => {
    const folder = freshFolder();
    const first = await portsOf(folder, 3301);
    expect(await portsOf(folder, undefined)).toEqual(first);
    expect(await portsOf(folder, 4301)).toEqual([
      ...[4301, 3311, 3321, 4302, 3312, 3322, 4303, 3313, 3323],
    ]);
    expect(await portsOf(folder, undefined)).toEqual(first);
  });

  it('chooses free ports for CLUSTER_PORT=0, and keeps them', async () => {
    const folder = freshFolder();
    const ports = await portsOf(folder, 0);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(10_000);
    expect(Math.max(...ports)).toBeLessThan(32_768);
    expect(await portsOf(folder, 0)).toEqual(ports);
  });

  it('gives the nodes addresses for each other that are not loopback', async () => {
    const { nodes } = await openLayout(freshFolder(), 3301);
    expect(nodesVariable(nodes)).toBe(
      '1=239.255.0.1:3311:3321,2=239.255.0.2:3312:3322,3=239.255.0.3:3313:3323',
    );
  });

  it('says how to repair a damaged file of ports, and does not change it', async () => {
    const folder = freshFolder();
    const file = join(folder, 'ports.json');
    writeFileSync(file, '{"firstPort":"x"}');
    await expect(openLayout(folder, undefined)).rejects.toThrow(/ports\.json is damaged: write/);
    expect(readFileSync(file, 'utf8')).toBe('{"firstPort":"x"}');
  });

  it.each(['-1', '65514', '3001.5', 'vault'])('refuses CLUSTER_PORT=%s', (text) => {
    expect(() => readFirstPort({ CLUSTER_PORT: text })).toThrow(/^CLUSTER_PORT must be a number/);
  });
});
