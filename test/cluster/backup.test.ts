/**
 * The data of three nodes survive the loss of any node, because the others have them, and any
 * greater loss, because a backup has them.
 */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { inParallel } from '../../functions/vault/parallel.ts';
import { readBackup } from '../../host/backup/file.ts';
import { readClusterFile } from '../../host/node/cluster-file.ts';
import { checkHistory, type Entry, entryOf } from '../../host/verify/check-history.ts';
import { readRow } from '../../host/verify/read-row.ts';
import { until, untilSeen } from '../support/until.ts';
import { copyFolder } from './chaos/nodes.ts';
import { openTrial, type Trial } from './trial.ts';

const numbers = [1, 2, 3];
let trial: Trial;
/** The nodes' folders, moved away before the restore. */
let old: string;
beforeAll(async () => {
  trial = await openTrial();
  await trial.createAt(numbers, 12);
});
afterAll(() => trial.close());

const fileOf = (name: string): string => join(trial.folder, name);
/**
 * The lines in which backup and restore also print their progress on a busy machine. They are
 * removed from stderr before it is compared.
 */
const progress = /^(?:wrote|checked|compared) [\d,]+(?: of [\d,]+)? items\n/gm;
const npm = async (node: number, program: 'backup' | 'restore', file: string) => {
  const command = ['npm', 'run', '-s', program, '--', fileOf(file)];
  const ran = await trial.nodes.run(node, command);
  return { ...ran, stderr: ran.stderr.replace(progress, '') };
};
const isDone = async (node: number, program: 'backup' | 'restore', file: string) => {
  const { code, stdout, stderr } = await npm(node, program, file);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
};

/** Creates and updates secrets on all nodes until the returned function is called. */
const startWriting = (): (() => Promise<void>) => {
  let isEnding = false;
  const write = async (node: number): Promise<void> => {
    while (!isEnding) {
      const name = await trial.create([node]);
      for (const value of ['second', 'third']) {
        await trial.ask(node, 'PUT', `/v1/secrets/${name}`, { value: `of ${name}, ${value}` });
      }
    }
  };
  const writing = Promise.all([...numbers, ...numbers].map(write));
  return async () => {
    isEnding = true;
    await writing;
  };
};

/**
 * Reads a backup file. Returns the versions of each secret in it, by the partition of the secret.
 */
const secretsIn = async (file: string): Promise<ReadonlyMap<string, readonly Entry[]>> => {
  const { vaultId } = readClusterFile(fileOf('cluster.json'));
  const secrets = new Map<string, Entry[]>();
  await readBackup(fileOf(file), async (items) => {
    for (const row of items.map((item) => readRow(item, vaultId))) {
      if (row.kind !== 'head' && row.kind !== 'version') continue;
      const entry = entryOf(row, row.kind === 'head', row.stored);
      secrets.set(row.pk, [...(secrets.get(row.pk) ?? []), entry]);
    }
  });
  return secrets;
};

/** Returns everything that the API of this node shows about each acknowledged secret. */
const allOf = async (node: number): Promise<ReadonlyMap<string, unknown>> => {
  const shown = new Map<string, unknown>();
  await inParallel([...trial.acknowledged], 16, async (name) => {
    const { json } = await trial.ask(node, 'GET', `/v1/secrets/${name}/versions`);
    const { versions } = json as { versions: readonly { readonly version: number }[] };
    const values = versions.map(async ({ version }) => {
      const path = `/v1/secrets/${name}?version=${version}`;
      return (await trial.ask(node, 'GET', path)).json.value;
    });
    shown.set(name, [versions, await Promise.all(values)]);
  });
  return shown;
};

describe('three nodes under load', () => {
  it('each make a backup with everything that was acknowledged before it, and with complete histories', async () => {
    const before = [...trial.acknowledged];
    const endWriting = startWriting();
    await sleep(500);
    const made = numbers.map((node) => isDone(node, 'backup', `of-${node}`));
    await Promise.all(made).finally(endWriting);
    for (const node of numbers) {
      const secrets = await secretsIn(`of-${node}`);
      expect([...secrets.values()].flatMap(checkHistory)).toEqual([]);
      const expected = before.map((name) => `TENANT#chaos#SECRET#${name}`);
      expect([...secrets.keys()]).toEqual(expect.arrayContaining(expected));
      expect(secrets.size).toBeGreaterThan(before.length);
      expect(secrets.size).toBeLessThanOrEqual(trial.acknowledged.length);
    }
  });
});

describe('the last of three nodes', () => {
  let known: ReadonlyMap<string, unknown>;

  it('refuses a backup while it runs without a majority, and says to stop it first', async () => {
    const { nodes, settled, untilState } = trial;
    await settled();
    known = await allOf(2);
    for (const node of numbers) await nodes.kill(node);
    for (const node of [1, 2]) rmSync(nodes.folderOf(node), { recursive: true });
    nodes.start(3);
    await untilState(3, 'waiting');
    const { code, stderr } = await npm(3, 'backup', 'refused');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^etcd accepts no write, .* stop this node and run this again/);
  });

  it('can be backed up when it is stopped, and the backup says that the node was stopped', async () => {
    await trial.nodes.stop(3);
    expect(await isDone(3, 'backup', 'last')).toContain('as a stopped node held it; copied at ');
    const secrets = await secretsIn('last');
    expect(secrets.size).toBe(known.size);
  });

  it('is replaced by a new cluster, which restores the backup and shows every value of every secret', async () => {
    const { nodes, settled } = trial;
    old = await nodes.beginAnew();
    for (const node of numbers) nodes.start(node);
    await settled();
    const keyFile = nodes.keyFileOf(2);
    const key = readFileSync(keyFile, 'utf8');
    const keyMaterial = Buffer.alloc(32, 7).toString('base64');
    writeFileSync(keyFile, JSON.stringify({ ...JSON.parse(key), keyMaterial }));
    const { code, stderr } = await npm(2, 'restore', 'last');
    expect([code, stderr]).toEqual([1, expect.stringContaining('holds another master key than')]);
    writeFileSync(keyFile, key);
    for (const node of [2, 3]) {
      // The same backup is restored on both nodes. The restore on node 3 finds that everything is
      // already there.
      const said = await isDone(node, 'restore', 'last');
      expect(said).toContain('npm run -s inspect -- --verify');
    }
    for (const node of numbers) expect(await allOf(node)).toEqual(known);
  });
});

describe('a node of the old cluster, after the restore', () => {
  const fileOfNode = () => join(trial.nodes.folderOf(3), '..', 'cluster.json');
  const saidSince = (before: number) => trial.nodes.saidBy(3).slice(before);
  const othersServe = async () => {
    await trial.create([1, 2]);
    expect(await trial.read(3, trial.acknowledged[0] ?? '')).not.toMatchObject({ status: 200 });
  };

  it('ends and says that its data belong to another cluster, if it has its old folder and the new cluster.json', async () => {
    const { nodes } = trial;
    await nodes.stop(3);
    rmSync(nodes.folderOf(3), { recursive: true });
    copyFolder(join(old, 'machine-3', 'node'), nodes.folderOf(3));
    const before = nodes.saidBy(3).length;
    nodes.start(3);
    await until(() => saidSince(before).includes('holds the data of another cluster than'));
    await othersServe();
    await nodes.stop(3);
    // The old folder of node 3 can still be backed up, as part of its old cluster.
    await isDone(3, 'backup', 'again');
    const clusterOf = async (file: string) => (await readBackup(fileOf(file))).facts.cluster;
    expect(await clusterOf('again')).toBe(await clusterOf('last'));
  });

  it('waits for other nodes of the old cluster, if it has its old folder and the old cluster.json', async () => {
    const { nodes } = trial;
    copyFileSync(join(old, 'machine-3', 'cluster.json'), fileOfNode());
    const before = nodes.saidBy(3).length;
    nodes.start(3);
    await until(() => saidSince(before).includes('node 1 and 2 are of another cluster'));
    await othersServe();
    await nodes.stop(3);
  });

  it('copies the data of the other nodes, if it has no folder and the new cluster.json', async () => {
    const { nodes, expectWhole } = trial;
    copyFileSync(fileOf('cluster.json'), fileOfNode());
    rmSync(nodes.folderOf(3), { recursive: true });
    nodes.start(3);
    await expectWhole();
  });
});

describe('a new cluster', () => {
  it('refuses to restore a backup of another cluster once it has a secret of its own, and refuses a backup of itself', async () => {
    await isDone(2, 'backup', 'own');
    for (const [file, sentence] of [
      ['last', /^the cluster holds an item that the backup does not hold /],
      ['own', /^the backup was made in this cluster, /],
    ] as const) {
      const { code, stderr } = await npm(1, 'restore', file);
      expect([code, stderr]).toEqual([1, expect.stringMatching(sentence)]);
    }
  });
});

describe('restore --preview on a node', () => {
  it('shows what restoring the backup of another node would undo, while the node runs and when it is stopped, and changes nothing', async () => {
    const { nodes, ask, create, settled } = trial;
    const [edited, deleted] = [await create([1]), await create([2])];
    await isDone(2, 'backup', 'earlier');
    const preview = async (node: number) => {
      const command = ['npm', 'run', '-s', 'restore', '--', '--preview', fileOf('earlier')];
      const { code, stdout, stderr } = await nodes.run(node, command);
      return [code, stderr.replace(progress, ''), stdout.split('\n').slice(2, -1)];
    };
    const nothing = ['A restore would lose nothing.'];
    expect(await preview(1)).toEqual([0, '', nothing]);
    const made = await create([3]);
    const second = { value: 'second', note: 'audited' };
    const { anchor = '' } = (await ask(1, 'PUT', `/v1/secrets/${edited}`, second)).json;
    const expandAt = async (node: number, pin: string) => {
      const content = `X=secret(${edited}@2.${pin})\n`;
      return (await ask(node, 'POST', '/v1/env/expand', { content })).status;
    };
    expect([await expandAt(2, anchor), await expandAt(3, 'k3f9qzTb')]).toEqual([200, 409]);
    await ask(3, 'DELETE', `/v1/secrets/${deleted}`);
    await settled();
    // Each preview holds its revision with a key of its own, as a backup does, so the revision
    // moves on. The items must not.
    const itemsOf = async (file: string) => {
      await isDone(1, 'backup', file);
      return (await readBackup(fileOf(file))).manifest;
    };
    const before = await itemsOf('before');
    const of = (name: string) => `  tenant chaos, ${name}`;
    const told = [
      '3 versions would be lost, and their numbers would be assigned again:',
      ...[`${of(edited)} version 2`, `${of(deleted)} version 2`, `${of(made)} version 1`]
        .sort()
        .map((version) => expect.stringContaining(version)),
      '1 deleted secret would come back:',
      expect.stringContaining(`${of(deleted)} version 2 by `),
      '1 keyed request would be forgotten, and a repeated request would take effect again:',
      expect.stringContaining(`create-secret ${made}@1, until `),
      'In all: 3 versions, 1 deleted secret, 1 keyed request.',
    ];
    expect(await preview(3)).toEqual([1, '', told]);
    expect(await itemsOf('after')).toEqual(before);
    await nodes.stop(3);
    expect(await preview(3)).toEqual([1, '', told]);
    nodes.start(3);
    await settled();
  });
});

describe('restore --redo-destroys on a node', () => {
  it('reads the logs of all nodes, and destroys again the versions that were destroyed after the backup', async () => {
    const { nodes, create, ask, settled } = trial;
    const name = await create([1]);
    await ask(2, 'PUT', `/v1/secrets/${name}`, { value: 'second' });
    await isDone(1, 'backup', 'undestroyed');
    const path = `/v1/secrets/${name}/versions/1`;
    expect(await ask(3, 'DELETE', path)).toMatchObject({ status: 200 });
    const logs = numbers.map((node) => fileOf(`node-${node}.functions.log`));
    const redo = (node: number) =>
      nodes.run(node, ['npm', 'run', '-s', 'restore', '--', '--redo-destroys', ...logs]);
    // A node may write the destruction into its log only after it has answered.
    const before = await untilSeen(
      () => redo(1),
      (ran) => ran.stdout.includes('\n1 version destroyed already\n'),
    );
    const nothing = [0, '0 versions destroyed again', ''];
    expect([before.code, before.stdout.split('\n')[0], before.stderr]).toEqual(nothing);

    await settled();
    for (const node of numbers) await nodes.kill(node);
    await nodes.beginAnew();
    for (const node of numbers) nodes.start(node);
    await settled();
    await isDone(1, 'restore', 'undestroyed');
    const readFirst = (node: number) => ask(node, 'GET', `/v1/secrets/${name}?version=1`);
    expect(await readFirst(3)).toMatchObject({ status: 200, json: { value: `of ${name}` } });
    const { code, stdout, stderr } = await redo(2);
    expect([code, stderr, stdout.split('\n').slice(0, 2)]).toEqual([
      ...[0, ''],
      [`destroyed again: tenant chaos, ${name} version 1`, '1 version destroyed again'],
    ]);
    for (const node of numbers) expect(await readFirst(node)).toMatchObject({ status: 410 });
  });
});
