/**
 * Two of three nodes lack acknowledged writes: one has lost the end of its files, and the other was
 * down when they were made.
 */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { connectEtcd, readRevision } from '../../host/etcd/etcd-client.ts';
import { readItemAt } from '../../host/etcd/snapshot.ts';
import { startCopiedMember } from '../../host/node/lone-etcd.ts';
import { memberAddress } from '../../host/node/member.ts';
import { findServed, memberFiles } from '../../host/node/member-files.ts';
import { freshFolder } from '../support/local-process.ts';
import { until } from '../support/until.ts';
import { startTrio, type Trio, trioNumbers } from './trio.ts';

let trio: Trio;
beforeEach(async () => {
  trio = await startTrio();
});
afterEach(() => trio.close());

const namesFrom = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}_${index}`);
const early = namesFrom('EARLY', 10);
const late = namesFrom('LATE', 60);
const parts = ['wal', 'snap'];

const filesOf = (node: number): string => memberFiles(trio.folderOf(node));
const logOf = (node: number): string => {
  const folder = join(filesOf(node), 'wal');
  const logs = readdirSync(folder).filter((name) => name.endsWith('.wal'));
  return join(folder, logs.sort().at(-1) ?? '');
};
const usedBytesOf = (log: string): number =>
  readFileSync(log).findLastIndex((byte) => byte !== 0) + 1;
const revisionOf = (node: number): number => trio.own(node)?.appliedRevision ?? 0;
const readAt = async (node: number): Promise<number> => {
  const etcd = connectEtcd(memberAddress(trio.folderOf(node)));
  const revision = await readRevision(etcd, 10_000);
  etcd.close();
  return revision ?? 0;
};
const keptBy = (node: number): number => findServed(trio.folderOf(node))?.revision ?? 0;
/** The revision of node 3 before the writes, and that of the others after them. */
let [fewer, more] = [0, 0];

/**
 * Nodes 1 and 2 acknowledge 60 creates while node 3 is down, and then all nodes end. `spoil` is
 * called before the creates. The function that it returns damages the files at the end.
 */
const loseWrites = async (spoil: () => Promise<() => void>): Promise<void> => {
  for (const name of early) expect(await trio.create(1, name)).toBe(true);
  await trio.end(3);
  fewer = await readAt(1);
  const lose = await spoil();
  // The creates are sent at once, so the log holds them in few entries. A cluster that has lost
  // them soon has a log of the same length again.
  const made = await Promise.all(late.map((name, index) => trio.create((index % 2) + 1, name)));
  expect(made).not.toContain(false);
  more = await readAt(1);
  await until(() => keptBy(1) === more && keptBy(2) === more);
  for (const node of [1, 2]) await trio.end(node);
  lose();
  trio.lines.splice(0);
};
/** Removes the end of node 1's log, which its disk had acknowledged. */
const loseLog = () =>
  loseWrites(async () => {
    const log = logOf(1);
    const used = usedBytesOf(log);
    return () => writeFileSync(log, readFileSync(log).fill(0, used));
  });
/** Removes the end of both the log and the database of node 1. */
const loseFiles = () =>
  loseWrites(async () => {
    await trio.end(1);
    const copy = freshFolder();
    for (const part of parts) cpSync(join(filesOf(1), part), join(copy, part), { recursive: true });
    await trio.start(1);
    for (const node of [1, 2]) await trio.untilState(node, 'serving');
    return () => {
      for (const part of parts) {
        rmSync(join(filesOf(1), part), { recursive: true });
        cpSync(join(copy, part), join(filesOf(1), part), { recursive: true });
      }
      rmSync(copy, { recursive: true });
    };
  });

const missing = 'acknowledged writes are missing here';
const untilReason = (node: number, reason: string | RegExp) =>
  until(() => {
    const { state, reason: said } = trio.own(node) ?? {};
    return state === 'diverged' && new RegExp(reason).test(said ?? '');
  });
/**
 * Expects that no node has served since the writes were lost, and that none does so in the time of
 * several comparisons.
 */
const nobodyServes = async (): Promise<void> => {
  await sleep(6_000);
  expect(trio.lines.filter((line) => line.endsWith(' serves'))).toEqual([]);
  for (const node of trioNumbers) {
    expect((await trio.read(node, late[0] ?? '')).isAnswered).toBe(false);
    expect(await trio.create(node, late[0] ?? '')).toBe(false);
  }
};

/**
 * Expects that no node answers that the first or the last of the 60 items is missing, and that no
 * node creates it again.
 */
const whoServesLacksNothing = async (): Promise<void> => {
  await sleep(6_000);
  for (const node of trioNumbers) {
    for (const name of [late[0] ?? '', late.at(-1) ?? '']) {
      const { isAnswered, item } = await trio.read(node, name);
      expect([node, name, isAnswered && item === undefined]).toEqual([node, name, false]);
      expect([node, name, await trio.create(node, name)]).toEqual([node, name, false]);
    }
  }
};

describe('a node that missed writes, next to a node that has lost them,', () => {
  // Shows G5.
  it('does not serve if the other has lost the end of its log, and no node ever answers that a lost write is missing', async () => {
    await loseLog();
    await trio.start(1);
    await trio.start(3);
    await untilReason(3, `^${missing}: node 1 has revision ${more}, this node ${fewer}$`);
    // The etcd of node 1 answers only once the new log is as long as the part that it had applied
    // before.
    await until(() => revisionOf(1) === more);
    await nobodyServes();
    await trio.start(2);
    // The databases of nodes 1 and 2 have everything, so these two may find that they are equal,
    // and serve.
    await whoServesLacksNothing();
  });

  // Shows G5.
  it('does not serve if the other has lost log and database, even when the third node is back or all nodes start again', async () => {
    await loseFiles();
    await trio.start(1);
    await trio.start(3);
    const own = `^${missing}: this node had revision ${more}, and has ${fewer} now$`;
    await untilReason(1, own);
    await untilReason(3, `^${missing}: node 1 has revision ${more}, this node ${fewer}$`);
    await nobodyServes();
    await trio.start(2);
    await nobodyServes();
    for (const node of trioNumbers) await trio.end(node);
    for (const node of trioNumbers) await trio.start(node);
    await nobodyServes();

    // Node 2, which lacks nothing, can be backed up alone: a member on a copy of its files has all
    // the items.
    for (const node of trioNumbers) await trio.end(node);
    const copy = await startCopiedMember(trio.folderOf(2));
    const client = connectEtcd(copy.address);
    const found = late.map((name) => readItemAt(client.range, { pk: name, sk: 's' }));
    expect(await Promise.all(found)).toEqual(
      late.map((name) => ({ pk: { S: name }, sk: { S: 's' } })),
    );
    client.close();
    await copy.close();
  });
});

describe('a node that reports a revision that nobody has reached', () => {
  it('does not stop the other two nodes, whose data agree, and serves again once it is wiped', async () => {
    const served = join(filesOf(3), 'served-by');
    await until(() => keptBy(3) > 0);
    await trio.end(3);
    const kept = JSON.parse(readFileSync(served, 'utf8'));
    writeFileSync(served, JSON.stringify({ ...kept, revision: 10 ** 12 }));
    trio.lines.splice(0);
    await trio.start(3);
    await untilReason(3, `^${missing}: this node had revision 1000000000000, and has `);
    for (const name of early) expect(await trio.create(1, name)).toBe(true);
    expect(trio.lines.filter((line) => /node [12] is diverged/.test(line))).toEqual([]);
    // While node 2 is down, node 1 may compare itself with node 3 alone, and stop serving until
    // node 2 is back.
    await trio.end(2);
    await trio.start(2);
    for (const node of [1, 2]) await trio.untilState(node, 'serving');
    expect(await trio.read(2, early[0] ?? '')).toMatchObject({ isAnswered: true });
    await trio.wipe(3);
    for (const node of [3, 1]) await trio.untilState(node, 'serving');
  });
});

describe('nodes that start again, ten times each, while sixteen clients write', () => {
  it('never say that they have diverged, and still have the last 500 acknowledged items', async () => {
    let isOver = false;
    const made: string[] = [];
    const write = async (writer: number): Promise<void> => {
      for (let count = 0; !isOver; count += 1) {
        const name = `OF_${writer}_${count}`;
        const node = ((writer + count) % 3) + 1;
        if (await trio.create(node, name)) made.push(name);
        else await sleep(50);
      }
    };
    const writing = Promise.all(Array.from({ length: 16 }, (_, writer) => write(writer)));
    for (let round = 0; round < 10; round += 1) {
      for (const node of trioNumbers) {
        await trio.end(node);
        await trio.start(node);
        await trio.untilState(node, 'serving');
      }
    }
    isOver = true;
    await writing;
    expect(trio.lines.filter((line) => line.includes('diverged'))).toEqual([]);
    const replies = await Promise.all(made.slice(-500).map((name) => trio.read(2, name)));
    expect(replies.filter(({ item }) => item === undefined)).toEqual([]);
  });
});
