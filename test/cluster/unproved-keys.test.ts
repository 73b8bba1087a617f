/**
 * Nodes with a cluster.json of 1.0.0, which has the id of the master key but no check value. Each
 * node has its own copy of the key, and in the copy of node 3 one character is changed.
 */
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { identityIn } from '../../host/kms/key-file.ts';
import { readClusterFile, writeClusterFile } from '../../host/node/cluster-file.ts';
import { freshFolder } from '../support/local-process.ts';
import { closeConnections } from '../support/raw-http.ts';
import { untilSeen } from '../support/until.ts';
import { ask as exchange } from './chaos/exchange.ts';
import { settle } from './chaos/settle.ts';
import { openSite, type Site } from './chaos/site.ts';

const [settleMsMax, patienceMs] = [60_000, 20_000];
let site: Site;
let folder: string;

/** Creates a secret. Returns the status of the answer and, if it failed, the code. */
const create = async (node: number, name: string) => {
  const headers = { Authorization: `Bearer ${site.nodes.token}` };
  const request = { method: 'POST', path: '/v1/secrets', headers, body: { name, value: 'v' } };
  const answer = await exchange(site.nodes.urlOf(node), request, patienceMs);
  if (answer.kind !== 'reply') return [answer.kind];
  return [answer.status, ...(answer.status === 201 ? [] : [JSON.parse(answer.text).code])];
};
/**
 * Tries to create a secret on the node until that succeeds, because the node must first prove its
 * key.
 */
const untilCreated = (node: number, name: string) =>
  untilSeen(
    () => create(node, name),
    ([status]) => status === 201,
    settleMsMax,
  );
const untilKeysAre = (...states: readonly string[]) =>
  untilSeen(
    async () => (await site.nodes.statuses(1)).map(({ masterKey }) => masterKey),
    (seen) => JSON.stringify(seen) === JSON.stringify(states),
    settleMsMax,
  );
const startAll = async (): Promise<void> => {
  for (const node of site.nodes.all) site.nodes.start(node);
  expect(await settle(site.nodes, settleMsMax)).toEqual([]);
};
const stopAll = () => Promise.all(site.nodes.all.map(site.nodes.stop));
const keyFileOf = (node: number): string => site.nodes.keyFileOf(node);
const remembersKey = (node: number) =>
  existsSync(join(site.nodes.folderOf(node), 'key-check.json'));

const forgetKeys = (): void => {
  for (const node of site.nodes.all) {
    rmSync(join(site.nodes.folderOf(node), 'key-check.json'), { force: true });
  }
};

/** Changes one character of the key material, as a typing error would. The id stays the same. */
const mistype = (node: number): void => {
  const key = JSON.parse(readFileSync(keyFileOf(node), 'utf8'));
  const first = key.keyMaterial[0] === 'A' ? 'B' : 'A';
  const keyMaterial = `${first}${key.keyMaterial.slice(1)}`;
  writeFileSync(keyFileOf(node), JSON.stringify({ ...key, keyMaterial }));
};

beforeEach(async () => {
  folder = freshFolder();
  site = await openSite({ folder, network: 'loopback' });
  for (const node of site.nodes.all) {
    const file = join(keyFileOf(node), '..', 'cluster.json');
    const cluster = readClusterFile(file);
    writeClusterFile(file, { ...cluster, key: { keyId: identityIn(keyFileOf(node)).keyId } });
  }
});
afterEach(async () => {
  closeConnections();
  await site?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Returns what the log of a node says about faults of its key. */
const faultsOf = (node: number): string => {
  const lines = readFileSync(join(folder, `node-${node}.functions.log`), 'utf8')
    .trim()
    .split('\n');
  const faults = lines.map((line) => JSON.parse(line)).map(({ fault }) => fault ?? '');
  return faults.join('\n');
};

const refused = [503, 'master_key_incorrect'];

describe('a node whose copy of the master key has one character changed', () => {
  // Shows G9.
  it('stores nothing in a vault that has values, and its key is shown as incorrect, until it gets the right copy', async () => {
    await startAll();
    await untilCreated(1, 'BEFORE');
    await untilKeysAre('usable', 'usable', 'usable');
    expect(site.nodes.all.map(remembersKey)).toEqual([true, true, true]);
    await stopAll();
    forgetKeys();
    mistype(3);
    // While node 2 is down, there is no majority with the same key, so the stored value decides.
    for (const node of [1, 3]) site.nodes.start(node);
    await untilSeen(
      () => create(3, 'WRONG'),
      (said) => JSON.stringify(said) === JSON.stringify(refused),
      settleMsMax,
    );
    expect(await untilCreated(1, 'RIGHT_1')).toEqual([201]);
    expect(faultsOf(3)).toContain("has the id of the vault's master key, but does not open");
    site.nodes.start(2);
    expect(await untilCreated(2, 'RIGHT_2')).toEqual([201]);
    await untilKeysAre('usable', 'usable', 'incorrect');
    expect(await create(3, 'WRONG')).toEqual(refused);
    expect(site.nodes.all.map(remembersKey)).toEqual([true, true, false]);
    copyFileSync(keyFileOf(1), keyFileOf(3));
    expect(await untilCreated(3, 'WRONG')).toEqual([201]);
    await untilKeysAre('usable', 'usable', 'usable');
    expect((await site.nodes.readTable(1, 'checked')).violations).toEqual([]);
  });

  it('stores nothing in an empty vault either, because the other two have another key', async () => {
    mistype(3);
    await startAll();
    await untilKeysAre('usable', 'usable', 'incorrect');
    expect(await create(3, 'WRONG')).toEqual(refused);
    expect(faultsOf(3)).toContain('holds another master key than node 1 and node 2');
    expect(await untilCreated(1, 'RIGHT')).toEqual([201]);
  });

  it('keeps the only other running node from storing anything in an empty vault, and the logs of both name the two nodes', async () => {
    await startAll();
    await stopAll();
    forgetKeys();
    mistype(3);
    for (const node of [1, 3]) site.nodes.start(node);
    for (const node of [1, 3]) {
      await untilSeen(
        () => create(node, `ON_${node}`),
        (said) => JSON.stringify(said) === JSON.stringify([503, 'master_key_unavailable']),
        settleMsMax,
      );
      await untilSeen(
        () => faultsOf(node),
        (said) => said.includes('node 1 and node 3 hold different master keys under one id'),
      );
      expect((await site.nodes.status(node))?.masterKey).toBe('unproved');
      expect(remembersKey(node)).toBe(false);
    }
    site.nodes.start(2);
    expect(await untilCreated(1, 'RIGHT')).toEqual([201]);
    await untilKeysAre('usable', 'usable', 'incorrect');
    expect(await create(3, 'WRONG')).toEqual(refused);
  });
});
