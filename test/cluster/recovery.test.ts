/**
 * What nodes do by themselves whose log begins late, whose store is damaged, whose disk is full, or that were all killed. What else may befall
 * one is in test/chaos/recovery.test.ts.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ClusterProcess,
  endCluster,
  type Status,
  startCluster,
  until,
} from '../support/cluster-process.ts';
import { freshFolder, runLocal } from '../support/local-process.ts';

let cluster: ClusterProcess;
let count = 0;
beforeAll(async () => {
  // A short log, so that it soon no longer reaches back to the beginning.
  cluster = await startCluster(freshFolder(), { VAULT_LOG_KEPT: '20' });
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
const logOf = (node: number): string => readFileSync(join(folderOf(node), 'log'), 'utf8');

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
/** Looks at what a node's own store holds of a secret, and verifies all of it. */
const inspect = async (node: number, name: string) => {
  const args = ['--tenant', 'cluster-test', '--secret', name, '--verify'];
  const { exit, output } = runLocal('inspect', args, { VAULT_DATA_DIR: folderOf(node) });
  return { code: await exit, text: output.join('\n') };
};
const untilAlike = () => until(cluster.status, areAllAlike);
describe('a node', () => {
  it('that the log no longer reaches back to takes a snapshot', async () => {
    for (let index = 0; index < 40; index += 1) await write(1 + (index % 3));
    // The log is cut every ten seconds, as far as every node has applied it. A node that was just wiped has applied
    // nothing, so none is wiped meanwhile.
    await until(
      async () => {
        await sleep(11_000);
        await cluster.command('wipe', '3');
        await cluster.command('start', '3');
        await untilAlike();
        return logOf(3);
      },
      (text) => text.includes('the snapshot is in place'),
    );
    expect(logOf(3)).toMatch(/gave a snapshot of revision \d+, confirmed by another node/);
    expect(await read(3, 'N1')).toMatchObject({ status: 200 });
  });

  it('whose store is damaged ends with a sentence that says what to do, and the others go on', async () => {
    await cluster.command('stop', '3');
    writeFileSync(join(folderOf(3), 'store.sqlite'), 'no database, whatever it was');
    await cluster.command('start', '3');
    await until(
      () => logOf(3),
      (text) => /node 3 cannot use its store .* delete its folder/.test(text),
    );
    expect(await read(1, await write(2))).toMatchObject({ status: 200 });
    await cluster.command('wipe', '3');
    await cluster.command('start', '3');
    await untilAlike();
  });

  it('that differs from another one while the third is away stops as that one does; the third settles it', async () => {
    const name = await write(1);
    await untilAlike();
    await cluster.command('stop', '3');
    const store = new DatabaseSync(join(folderOf(2), 'store.sqlite'), { timeout: 5_000 });
    store.prepare('DELETE FROM vault WHERE pk LIKE ?').run(`S:%SECRET#${name}`);
    store.close();
    await write(1);
    const statesAre = (...states: readonly string[]) =>
      until(
        cluster.status,
        ({ nodes }) => states.join() === nodes.map(({ state }) => state).join(),
      );
    await statesAre('diverged', 'diverged', 'stopped');
    // Whatever state they are in, what each of them holds can be looked at.
    const inspected = await Promise.all([1, 2, 3].map((node) => inspect(node, name)));
    // Node 2 lacks the secret, which inspect tells by its exit code.
    expect(inspected.map(({ code }) => code)).toEqual([0, 1, 0]);
    expect(inspected.map(({ text }) => text.includes('HEAD'))).toEqual([true, false, true]);
    await cluster.command('start', '3');
    await statesAre('serving', 'diverged', 'serving');
    expect(await read(1, name)).toMatchObject({ status: 200 });
    // Known to be wrong, it stops nobody any more, nor is its state taken.
    await cluster.command('stop', '3');
    expect(await read(1, await write(1))).toMatchObject({ status: 200 });
    await cluster.command('start', '3');
    await cluster.command('wipe', '2');
    await cluster.command('start', '2');
    await untilAlike();
    expect(await read(2, name)).toMatchObject({ status: 200 });
  });

  itAsRoot(
    'whose disk is full refuses, and goes on by itself when there is room; the others go on meanwhile',
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
    'comes back with the others after all were killed, started in the order %s %s %s',
    async (...order) => {
      const name = await write(1);
      for (const node of order) await cluster.command('kill', node);
      for (const node of order) await cluster.command('start', node);
      await untilAlike();
      expect(await read(2, name)).toMatchObject({ status: 200 });
    },
  );
});
