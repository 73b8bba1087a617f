/** How nodes find their places again whose members were removed, or that were stopped before they had any. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ClusterProcess,
  endCluster,
  type Status,
  startCluster,
  until,
} from '../support/cluster-process.ts';

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
  const reply = await fetch(`http://127.0.0.1:${firstPort + 21}/place`, {
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
});
