import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { findPlace } from '../../../local/replica/joining.ts';
import { type NodeMemory, openNodeMemory } from '../../../local/replica/memory.ts';
import type { NodeReport } from '../../../local/replica/report.ts';
import { askOf, configOf, memoryOf, reportOf } from '../../support/peers.ts';
import { until } from '../../support/until.ts';

type Own = {
  readonly start?: number;
  readonly appliedRevision?: number;
  readonly hasMemberFiles?: boolean;
  readonly memory?: NodeMemory;
};

/** Node 1 looks for its place; the test decides what each of the others says, and may change its mind. */
const seek = (peers: Record<number, Partial<NodeReport>>, own: Own = {}) => {
  const { start = 1, appliedRevision = 0, hasMemberFiles = false } = own;
  const { memory = memoryOf(start) } = own;
  const waits: string[] = [];
  const stop = new AbortController();
  const said = { ...peers };
  const found = findPlace({
    config: configOf(1),
    ask: askOf((node) => {
      const more = said[node];
      return more && JSON.stringify(reportOf(node, more));
    }),
    memory,
    hasMemberFiles,
    appliedRevision,
    store: 'dynoxide 1.2.1',
    waitFor: (reason) => void waits.push(reason),
    signal: stop.signal,
  });
  return { found, memory, waits, stop, said };
};
const empty = { member: false };
const member = { member: true };
const remembers = (start: number, appliedRevision: number) => ({
  member: true,
  heard: { '1': { start, appliedRevision } },
});

describe('a node without files', () => {
  it('begins a new log with the others if all are there and none has one', async () => {
    expect(await seek({ 2: empty, 3: empty }).found).toBeUndefined();
  });

  it('begins anew if another one is in the log', async () => {
    expect(await seek({ 2: empty, 3: member }).found).toBe(
      'it has no files, and node 3 is in the log',
    );
    expect(await seek({ 3: member }).found).toContain('node 3 is in the log');
  });

  it('begins no new log if it was in one, and waits for who has it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vault-joining-'));
    const memory = openNodeMemory(folder, 1);
    await memory.enterLog();
    const { found, waits, said } = seek({ 2: empty, 3: empty }, { memory });
    await until(() => waits.length === 1);
    expect(waits).toEqual(['has no files and waits for one that has some']);
    said[3] = member;
    expect(await found).toContain('node 3 is in the log');
    rmSync(folder, { recursive: true });
  });

  it('waits for all, and says for whom', async () => {
    const { found, waits, said } = seek({});
    await until(() => waits.length === 1);
    said[3] = empty;
    await until(() => waits.length === 2);
    said[2] = empty;
    expect(await found).toBeUndefined();
    expect(waits).toEqual([
      'has no files and waits for node 2 and 3',
      'has no files and waits for node 2',
    ]);
  });

  it('begins anew if it is remembered, even by one that has no place itself', async () => {
    const { found, memory } = seek({ 2: { ...remembers(4, 90), member: false } });
    expect(await found).toBe("node 2 remembers this node's start 4 and revision 90");
    expect(memory.start()).toBe(5);
  });
});

describe('a node with files', () => {
  const own = { hasMemberFiles: true, start: 5, appliedRevision: 90 };

  it('begins with them if they are its latest, as soon as one other is there', async () => {
    expect(await seek({ 2: remembers(4, 90) }, own).found).toBeUndefined();
    expect(await seek({ 3: remembers(4, 12) }, own).found).toBeUndefined();
    expect(await seek({ 3: member }, own).found).toBeUndefined();
  });

  it('waits while it is alone, and says for whom', async () => {
    const { found, waits, stop } = seek({}, own);
    await until(() => waits.length === 1);
    expect(waits).toEqual(['waits for another node: 2 or 3']);
    stop.abort();
    await expect(found).rejects.toThrow();
  });

  it.each([
    ['its start', remembers(5, 90), "node 2 remembers this node's start 5 and revision 90"],
    ['a later start', remembers(9, 0), "node 2 remembers this node's start 9 and revision 0"],
    ['more of the log', remembers(4, 91), "node 2 remembers this node's start 4 and revision 91"],
  ])('begins anew if another one remembers %s', async (_, peer, reason) => {
    const { found, memory } = seek({ 2: peer, 3: remembers(4, 80) }, own);
    expect(await found).toBe(reason);
    expect(memory.start()).toBe(Math.max(5, Number(peer.heard['1'].start) + 1));
  });

  it('begins anew at each start until it is in the log, whoever is there to ask', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vault-joining-'));
    await openNodeMemory(folder, 1).enterLog();
    for (const other of [2, 3, 2]) {
      const again = { ...own, memory: openNodeMemory(folder, 1) };
      expect(await seek({ [other]: remembers(2, 90) }, again).found).toContain('start 2');
    }
    rmSync(folder, { recursive: true });
  });

  it('counts on from the highest start that any of the others remembers', async () => {
    const { found, memory } = seek({ 2: remembers(6, 0), 3: remembers(8, 0) }, own);
    await found;
    expect(memory.start()).toBe(9);
  });
});

it('a node with another store than the others is refused in a sentence', async () => {
  for (const own of [{}, { hasMemberFiles: true, start: 5 }]) {
    const { found } = seek({ 2: member, 3: { store: 'dynoxide 9' } }, own);
    await expect(found).rejects.toMatchObject({
      name: 'Failure',
      message: "its store is dynoxide 1.2.1, node 3's is dynoxide 9",
    });
  }
});
