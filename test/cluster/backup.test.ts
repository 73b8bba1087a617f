/** The data of three nodes outlive any of them: in the other nodes, and after a greater loss in a backup. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Item } from '../../functions/dynamodb/items.ts';
import { inParallel } from '../../functions/vault/parallel.ts';
import { createBackup, readBackup } from '../../local/backup/file.ts';
import { readClusterFile } from '../../local/cluster/cluster-file.ts';
import { checkHistory, type Entry, entryOf } from '../../local/verify/history.ts';
import { readRow } from '../../local/verify/rows.ts';
import { openTrial, type Trial } from './trial.ts';

jest.setTimeout(120_000);

const numbers = [1, 2, 3];
let trial: Trial;
beforeAll(async () => {
  trial = await openTrial();
  await trial.createAt(numbers, 12);
});
afterAll(() => trial.close());

const fileOf = (name: string): string => join(trial.folder, name);
const npm = (node: number, program: 'backup' | 'restore', file: string) =>
  trial.nodes.run(node, ['npm', 'run', '-s', program, '--', fileOf(file)]);
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

/** The versions of each secret in the file, by its partition. */
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

/** Copies a backup as one of another vault or another master key. */
const copyWith = async (
  from: string,
  to: string,
  change: { readonly vault?: string; readonly masterKeyId?: string },
): Promise<void> => {
  const all: Item[] = [];
  const { facts } = await readBackup(fileOf(from), async (items) => void all.push(...items));
  const { vault = facts.vault, masterKeyId } = change;
  const items = all.map((item) => {
    const isChanged = masterKeyId !== undefined && item['masterKeyId'] !== undefined;
    return { ...item, ...(isChanged && { masterKeyId: { S: masterKeyId } }) };
  });
  async function* pages() {
    yield items;
  }
  const unheard = { written: () => undefined, checked: () => undefined };
  const source = { facts: { ...facts, vault }, pages: pages() };
  await createBackup(fileOf(to), async () => source, unheard);
};

/** Everything that the API shows of each acknowledged secret, as this node tells it. */
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
  it('each give a backup with all that was acknowledged before, and with whole histories', async () => {
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

  it('gives no backup while it runs without a majority, and says that it must be stopped for one', async () => {
    const { nodes, settled, untilState } = trial;
    await settled();
    known = await allOf(2);
    for (const node of numbers) await nodes.kill(node);
    for (const node of [1, 2]) rmSync(nodes.folderOf(node), { recursive: true });
    nodes.start(3);
    await untilState(3, 'waiting');
    const { code, stderr } = await npm(3, 'backup', 'refused');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^no majority of the nodes is there, .* stop this node and run this again/,
    );
  });

  it('gives a backup of what it holds when it is stopped, and the backup says so', async () => {
    await trial.nodes.stop(3);
    expect(await isDone(3, 'backup', 'last')).toContain('what one node held that did not run');
    const secrets = await secretsIn('last');
    expect(secrets.size).toBe(known.size);
  });

  it('is not needed any more: a new cluster takes the backup, and shows every value of every secret', async () => {
    const { nodes, settled } = trial;
    await nodes.beginAnew();
    for (const node of numbers) nodes.start(node);
    await settled();
    for (const [file, change, sentence] of [
      [
        'other-vault',
        { vault: 'other' },
        /^the backup is of the vault other, and the nodes are of /,
      ],
      [
        'other-key',
        { masterKeyId: 'key/other' },
        /, and the values of the backup need other: start /,
      ],
    ] as const) {
      await copyWith('last', file, change);
      const { code, stderr } = await npm(1, 'restore', file);
      expect([code, stderr]).toEqual([1, expect.stringMatching(sentence)]);
    }
    expect(await isDone(2, 'restore', 'last')).toContain('npm run -s inspect -- --verify');
    for (const node of numbers) expect(await allOf(node)).toEqual(known);
  });
});

describe('a new cluster', () => {
  it('takes the same backup again, and no other one once it holds a secret of its own', async () => {
    await isDone(1, 'restore', 'last');
    await trial.create([1]);
    const { code, stderr } = await npm(1, 'restore', 'last');
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^the cluster holds an item that the backup does not hold /),
    ]);
  });
});
