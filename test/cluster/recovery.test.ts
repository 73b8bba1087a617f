/**
 * What nodes do by themselves if a disk or a database is full, if data were changed, or if all nodes were killed. More
 * faults are in test/cluster/chaos/recovery.test.ts.
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
import { freshFolder } from '../support/local-process.ts';

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

describe('nodes whose quota is reached under load', () => {
  const names = Array.from({ length: 8 }, (_, index) => `FULL_${index}`);
  const latest = new Map<string, number>();
  let small: ClusterProcess;
  beforeAll(async () => {
    small = await startCluster(freshFolder(), { VAULT_QUOTA_BYTES: String(16 * 1_048_576) });
    for (const name of names) {
      const body = { name, value: large };
      expect(await small.ask(1, 'POST', '/v1/secrets', { body })).toMatchObject({ status: 201 });
    }
  });
  afterAll(() => endCluster(small));

  /** Updates every secret at once, over all nodes. Returns the replies. */
  const updateAll = async () =>
    await Promise.all(
      names.map(async (name, index) => {
        const call = { body: { value: large } };
        const reply = await small.ask(1 + (index % 3), 'PUT', `/v1/secrets/${name}`, call);
        if (reply.status === 200) latest.set(name, Number(reply.body['version']));
        return reply;
      }),
    );

  it('refuse writes and serve reads', async () => {
    const refused = await until(updateAll, (replies) =>
      replies.every(({ status }) => status === 503),
    );
    expect(refused.map(({ body }) => body['code'])).toEqual(names.map(() => 'store_unavailable'));
    for (const name of names) {
      for (const node of [1, 2, 3]) {
        const { status, body } = await small.ask(node, 'GET', `/v1/secrets/${name}`);
        expect([status, body['version']]).toEqual([200, latest.get(name)]);
      }
    }
    const { nodes, equal } = await small.status();
    expect(nodes.map(({ state }) => state)).toEqual(['serving', 'serving', 'serving']);
    expect(equal).toBe(true);
  });

  it('write again if they are started with a larger quota', async () => {
    await small.end('SIGTERM');
    small = await startCluster(small.folder, { VAULT_QUOTA_BYTES: String(64 * 1_048_576) });
    await until(updateAll, (replies) => replies.every(({ status }) => status === 200));
    await until(small.status, areAllAlike);
  });
});
