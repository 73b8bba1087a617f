/**
 * What a node does by itself if its disk is full, its data were changed, or all nodes were killed. More faults are in
 * test/chaos/recovery.test.ts.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
let count = 0;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(async () => {
  await endCluster(cluster);
});

const large = randomBytes(30_000).toString('base64');
/** Takes all that is left of the disk. */
const fill = (file: string): void => {
  for (const bytes of [1_048_576, 4_096]) {
    try {
      for (;;) appendFileSync(file, Buffer.alloc(bytes));
    } catch (error) {
      if (!String(error).includes('ENOSPC')) throw error;
    }
  }
};
/** To mount a small disk. */
const itAsRoot = process.getuid?.() === 0 ? it : it.skip;

const folderOf = (node: number): string => join(cluster.folder, `node-${node}`);

/** Creates a secret on a node; returns its name. */
const write = async (node: number, more = ''): Promise<string> => {
  count += 1;
  const body = { name: `N${count}`, value: `value ${count}${more}` };
  expect(await cluster.ask(node, 'POST', '/v1/secrets', { body })).toMatchObject({ status: 201 });
  return body.name;
};
const read = (node: number, name: string) => cluster.ask(node, 'GET', `/v1/secrets/${name}`);
const areAllAlike = ({ nodes, equal }: Status): boolean => {
  const [{ appliedRevision } = { appliedRevision: null }] = nodes;
  const isAtOne = nodes.every((node) => node.appliedRevision === appliedRevision);
  return equal && isAtOne && nodes.every(({ state }) => state === 'serving');
};
const untilAlike = () => until(cluster.status, areAllAlike);

describe('a node', () => {
  it('stops if bytes of its database have changed, says so, and serves again after it is wiped', async () => {
    const name = await write(1);
    await untilAlike();
    await cluster.command('stop', '3');
    const file = join(folderOf(3), 'etcd', 'member', 'snap', 'db');
    const [right, wrong] = [`SECRET#${name}`, `SECRET#${name.replace('N', 'M')}`];
    const bytes = readFileSync(file, 'latin1');
    expect(bytes).toContain(right);
    writeFileSync(file, bytes.replaceAll(right, wrong), 'latin1');
    await cluster.command('start', '3');
    const { nodes, equal } = await until(
      cluster.status,
      (seen) => seen.nodes[2]?.state === 'diverged',
    );
    expect(nodes[2]?.reason).toMatch(
      /^its data at revision \d+ differ from those of node 1 and node 2$/,
    );
    expect(equal).toBe(false);
    expect(await read(3, name)).toMatchObject({ status: 503 });
    expect(await read(1, await write(2))).toMatchObject({ status: 200 });
    await cluster.command('wipe', '3');
    await cluster.command('start', '3');
    await untilAlike();
    expect(await read(3, name)).toMatchObject({ status: 200 });
  });

  itAsRoot(
    'refuses while its disk is full and goes on by itself when there is room, and the others go on meanwhile',
    async () => {
      const folder = folderOf(3);
      await cluster.command('wipe', '3');
      mkdirSync(folder, { mode: 0o700 });
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256m,mode=0700', 'tmpfs', folder]);
      try {
        await cluster.command('start', '3');
        await untilAlike();
        const names: string[] = [];
        await until(
          async () => {
            // Again and again: what the node gives back is to be gone, too.
            fill(join(folder, 'filler'));
            names.push(await write(1, large), await write(2, large));
            return await read(3, 'N1');
          },
          ({ status }) => status === 503,
        );
        for (const name of names) expect(await read(1, name)).toMatchObject({ status: 200 });
        rmSync(join(folder, 'filler'));
        await untilAlike();
        // Its etcd may have ended once more just before there was room: it is started again within seconds.
        for (const name of names) {
          await until(
            () => read(3, name),
            ({ status }) => status === 200,
          );
        }
      } finally {
        await cluster.command('stop', '3');
        execFileSync('umount', [folder]);
        await cluster.command('wipe', '3');
        await cluster.command('start', '3');
      }
      await untilAlike();
    },
  );

  it.each([
    ['1', '2', '3'],
    ['3', '1', '2'],
  ])(
    'serves again after all nodes were killed and started in the order %s %s %s',
    async (...order) => {
      const name = await write(1);
      for (const node of order) await cluster.command('kill', node);
      for (const node of order) await cluster.command('start', node);
      await untilAlike();
      expect(await read(2, name)).toMatchObject({ status: 200 });
    },
  );
});
