/** What a node gives to its peers, over a real connection and from a real store. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findFreePort } from '../../local/child.ts';
import { createCondition } from '../../local/replica/condition.ts';
import { openNodeMemory } from '../../local/replica/memory.ts';
import { type Peering, startPeering } from '../../local/replica/peering.ts';
import { askText } from '../../local/replica/peers.ts';
import { takeSnapshot } from '../../local/replica/snapshot.ts';
import { configOf, reportOf } from '../support/peers.ts';
import {
  freshStoreFolder,
  keyOf,
  startReplica,
  type TestReplica,
  tableOf,
} from '../support/replica.ts';
import { until } from '../support/until.ts';

let giver: TestReplica;
let peering: Peering;
let folder: string;
let memory: ReturnType<typeof openNodeMemory>;

beforeEach(async () => {
  giver = await startReplica({ folder: freshStoreFolder() });
  await giver.front.call('CreateTable', tableOf('vault'));
  await giver.front.call('PutItem', { TableName: 'vault', Item: keyOf('k') });
  const { revision } = await giver.log.findEnd();
  await until(() => giver.replica.position().revision === revision);
  folder = freshStoreFolder();
  memory = openNodeMemory(giver.folder, 1);
  const peerPort = await findFreePort();
  const config = configOf(1);
  peering = await startPeering({
    config: { ...config, nodes: config.nodes.map((node) => ({ ...node, peerPort })) },
    secret: 'the-secret-of-the-cluster',
    folder: giver.folder,
    memory,
    condition: createCondition(1, () => undefined),
    ownReport: () => reportOf(1),
    findDigest: giver.replica.findDigest,
    findMember: () => undefined,
    report: () => undefined,
    signal: new AbortController().signal,
  });
});
afterEach(async () => {
  await peering.close();
  await giver.close();
  for (const one of [folder, giver.folder]) rmSync(one, { recursive: true });
});

/** Asks it once for its snapshot; returns what came of it. */
const take = async (): Promise<string> => {
  const once = new AbortController();
  let line = '';
  const report = (said: string): void => {
    line = said;
    once.abort();
  };
  const options = { ask: peering.ask, others: [1], folder, revision: 0, report };
  await takeSnapshot({ ...options, signal: once.signal }).catch(() => undefined);
  return line;
};
const confirm = (revision: number): Promise<string> =>
  askText(peering.ask, 1, 'POST', '/digest', { body: String(revision), timeoutMs: 5_000 });

describe('a node that is asked for its state', () => {
  it('gives it, and confirms the digests of others', async () => {
    const { revision, digest } = giver.replica.position();
    expect(await take()).toMatch(/^node 1 gave a snapshot of revision \d+/);
    expect(JSON.parse(await confirm(revision))).toEqual({ digest, items: null });
  });

  it('gives none and confirms none while it differs from the others', async () => {
    await memory.setDiverged('it differs from node 2');
    const why = 'node 1: this node is diverged: it differs from node 2';
    expect(await take()).toBe(`node 1 gave no snapshot: ${why}`);
    await expect(confirm(giver.replica.position().revision)).rejects.toThrow(why);
    expect(existsSync(join(folder, 'snapshot.in'))).toBe(false);
  });
});
