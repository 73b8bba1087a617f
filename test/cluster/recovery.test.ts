/** What a node that was away, or whose files are not what they were, does by itself. One cluster, hurt again and again. */
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
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
  // A short log, so that it soon no longer reaches back to the beginning.
  cluster = await startCluster(freshFolder(), { VAULT_LOG_KEPT: '20' });
});
afterAll(async () => {
  await endCluster(cluster);
});

const folderOf = (node: number): string => join(cluster.folder, `node-${node}`);
const logOf = (node: number): string => readFileSync(join(folderOf(node), 'log'), 'utf8');

/** Creates a secret on a node; returns its name. */
const write = async (node: number): Promise<string> => {
  count += 1;
  const body = { name: `N${count}`, value: `value ${count}` };
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
const untilState = (node: number, wanted: string) =>
  until(cluster.status, ({ nodes }) => nodes[node - 1]?.state === wanted);

describe('a node', () => {
  it('that was paused answers what is new', async () => {
    await cluster.command('pause', '2');
    const name = await write(1);
    await cluster.command('resume', '2');
    await until(
      () => read(2, name),
      ({ status }) => status === 200,
    );
    await untilAlike();
  });

  it('that is cut off refuses within ten seconds, answers nothing old, and is back when it is healed', async () => {
    const name = await write(3);
    await cluster.command('isolate', '3');
    await untilState(3, 'no-majority');
    const other = await write(1);
    const [got, put] = await Promise.all([
      cluster.ask(3, 'GET', `/v1/secrets/${name}`, { limitMs: 10_000 }),
      cluster.ask(3, 'POST', '/v1/secrets', {
        body: { name: 'ALONE', value: 'v' },
        limitMs: 10_000,
      }),
    ]);
    expect([got.status, put.status]).toEqual([503, 503]);
    await cluster.command('heal', '3');
    await untilAlike();
    expect(await read(3, other)).toMatchObject({ status: 200 });
  });

  it('that was wiped takes all from the others', async () => {
    const name = await write(1);
    await cluster.command('wipe', '3');
    const other = await write(2);
    await cluster.command('start', '3');
    await untilAlike();
    for (const one of [name, other]) expect(await read(3, one)).toMatchObject({ status: 200 });
  });

  it('that was put back to an old copy is told so by the others, and joins anew', async () => {
    await cluster.command('stop', '2');
    const copy = `${folderOf(2)}-copy`;
    cpSync(folderOf(2), copy, { recursive: true });
    await cluster.command('start', '2');
    await untilAlike();
    const name = await write(2);
    await untilAlike();
    // The others write down every second how far it is.
    await until(
      () => readFileSync(join(folderOf(1), 'node.json'), 'utf8'),
      (text) => {
        const { appliedRevision } = JSON.parse(text).heard['2'];
        return appliedRevision > JSON.parse(readFileSync(join(copy, 'node.json'), 'utf8')).start;
      },
    );
    await cluster.command('kill', '2');
    rmSync(folderOf(2), { recursive: true });
    renameSync(copy, folderOf(2));
    await cluster.command('start', '2');
    await untilAlike();
    expect(logOf(2)).toMatch(/node 2 is joining: node \d remembers this node's start/);
    expect(await read(2, name)).toMatchObject({ status: 200 });
  });

  it('that the log no longer reaches back to takes a snapshot', async () => {
    for (let index = 0; index < 40; index += 1) await write(1 + (index % 3));
    // The log is cut every ten seconds; until then a wiped node can still follow it from the beginning.
    await until(
      async () => {
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

  it('whose items differ from the others’ stops serving and says so, until it is wiped', async () => {
    await cluster.command('stop', '3');
    const database = new DatabaseSync(join(folderOf(3), 'store.sqlite'));
    const row = database
      .prepare(`SELECT pk, item_json FROM vault WHERE sk = 'S:HEAD' LIMIT 1`)
      .get();
    const item = { ...JSON.parse(String(row?.['item_json'])), createdBy: { S: 'mallory' } };
    database
      .prepare(`UPDATE vault SET item_json = ? WHERE pk = ? AND sk = 'S:HEAD'`)
      .run(JSON.stringify(item), String(row?.['pk']));
    database.close();
    await cluster.command('start', '3');
    const { nodes, equal } = await untilState(3, 'diverged');
    expect(nodes.map(({ state }) => state)).toEqual(['serving', 'serving', 'diverged']);
    expect(equal).toBe(false);
    expect(logOf(3)).toMatch(
      /node 3 is diverged: at revision \d+ this node differs from node 1 and 2/,
    );
    expect(await read(3, 'N1')).toMatchObject({ status: 503 });
    expect(await read(1, await write(2))).toMatchObject({ status: 200 });
    await cluster.command('stop', '3');
    await cluster.command('start', '3');
    await untilState(3, 'diverged');
    await cluster.command('wipe', '3');
    await cluster.command('start', '3');
    await untilAlike();
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
