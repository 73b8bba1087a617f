import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Exchange, startExchange } from '../../../../local/node/exchange.ts';
import type { Counter, NodeRecord } from '../../../../local/node/joining.ts';
import type { NodeReport } from '../../../../local/node/report.ts';
import { askOf, configOf, counterOf, recordOf, reportOf } from '../../../support/nodes.ts';
import { until } from '../../../support/until.ts';

type Node = {
  revision: number;
  /** What it knows of before its etcd started; a node of an older release does not tell. */
  known: number;
  state: NodeReport['state'];
  /** How often another node's report was a reason to compare. */
  doubts: number;
  isThere: boolean;
  /** How often it has asked another node. */
  asked: number;
  counter: Counter;
  readonly record: NodeRecord;
  readonly lines: string[];
  exchange?: Exchange;
};

let everyMs: number;
let nodes: Map<number, Node>;
const nodeOf = (number: number): Node => {
  const node = nodes.get(number);
  if (node === undefined) throw new Error(`there is no node ${number}`);
  return node;
};
const begin = (...numbers: readonly number[]): void => {
  for (const number of numbers) {
    const node = nodeOf(number);
    node.isThere = true;
    node.exchange = startExchange({
      config: configOf(number),
      ask: askOf((other, _, body) => {
        node.asked += 1;
        return nodeOf(other).isThere ? nodeOf(other).exchange?.hear(body) : undefined;
      }),
      record: node.record,
      counter: node.counter,
      ownReport: () =>
        reportOf(number, {
          appliedRevision: node.revision,
          knownRevision: node.known,
          state: node.state,
          start: node.record.start(),
          counter: node.counter.value(),
          member: true,
        }),
      onDoubt: () => {
        node.doubts += 1;
      },
      report: (line) => void node.lines.push(line),
      everyMs,
    });
  }
};
const end = (number: number): void => {
  nodeOf(number).isThere = false;
  void nodeOf(number).exchange?.close();
};
/** Waits until each node has asked both others this often since. */
const rounds = async (count: number): Promise<void> => {
  const running = [...nodes.values()].filter(({ isThere }) => isThere);
  const enough = running.map(({ asked }) => asked + 2 * (count + 1));
  await until(() => running.every(({ asked }, index) => asked >= (enough[index] ?? 0)));
};
/** Has a node announce itself. `isDone` becomes true when a majority has its report. */
const announcing = (number: number) => {
  const told = { isDone: false };
  const announced = nodeOf(number)
    .exchange?.announce()
    .then(() => {
      told.isDone = true;
    });
  return Object.assign(told, { announced });
};
const heardBy = (number: number) => nodeOf(number).record.heard();

beforeEach(() => {
  everyMs = 5;
  const fresh = (): Node => ({
    revision: 10,
    known: 10,
    state: 'serving',
    doubts: 0,
    isThere: false,
    asked: 0,
    counter: counterOf(),
    record: recordOf(),
    lines: [],
  });
  nodes = new Map([1, 2, 3].map((number) => [number, fresh()]));
});
afterEach(async () => {
  for (const { exchange } of nodes.values()) await exchange?.close();
});

describe('nodes that exchange reports', () => {
  it('know the last report of each other, and which node is silent', async () => {
    begin(1, 2, 3);
    await rounds(1);
    nodeOf(2).revision = 25;
    await rounds(2);
    end(3);
    await rounds(2);
    const others = nodeOf(1).exchange?.others() ?? [];
    expect(
      others.map(({ node, appliedRevision, alive }) => [node, appliedRevision, alive]).sort(),
    ).toEqual([
      [2, 25, true],
      [3, 10, false],
    ]);
    begin(3);
    await rounds(2);
    expect(
      nodeOf(1)
        .exchange?.others()
        .every(({ alive }) => alive),
    ).toBe(true);
  });

  it('hear once of each node that diverges, and again if it diverges again', async () => {
    begin(1, 2, 3);
    await rounds(2);
    expect(nodeOf(1).doubts).toBe(0);
    nodeOf(2).state = 'diverged';
    await rounds(3);
    expect([1, 2, 3].map((node) => nodeOf(node).doubts)).toEqual([1, 0, 1]);
    nodeOf(2).state = 'serving';
    await rounds(2);
    nodeOf(2).state = 'diverged';
    await rounds(2);
    expect(nodeOf(1).doubts).toBe(2);
  });

  it('know the highest revision that each other node has reported', async () => {
    nodeOf(2).revision = 0;
    nodeOf(2).known = 25;
    nodeOf(3).revision = 30;
    begin(1, 2, 3);
    await rounds(2);
    const known = () => [...(nodeOf(1).exchange?.committed() ?? [])].sort();
    expect(known()).toEqual([
      [2, 25],
      [3, 30],
    ]);
    end(3);
    // A new member knows only what it has applied.
    nodeOf(2).known = 12;
    await until(() => known()[0]?.[1] === 12);
    expect(known()[1]).toEqual([3, 30]);
  });

  it('keep the highest revision of a node of an older release, which forgets it while its etcd is away', async () => {
    nodeOf(2).known = 0;
    begin(1, 2, 3);
    await rounds(2);
    nodeOf(2).revision = 0;
    await rounds(2);
    expect(nodeOf(1).exchange?.committed().get(2)).toBe(10);
    expect(
      nodeOf(1)
        .exchange?.others()
        .find(({ node }) => node === 2)?.appliedRevision,
    ).toBe(0);
  });

  it('hear once of a node that starts and knows a later revision, and not of one that has written since', async () => {
    begin(1, 2);
    await rounds(1);
    nodeOf(2).revision = 40;
    await rounds(2);
    expect(nodeOf(1).doubts).toBe(0);
    nodeOf(3).known = 50;
    begin(3);
    await rounds(3);
    expect([1, 2, 3].map((node) => nodeOf(node).doubts)).toEqual([1, 1, 0]);
  });

  it('write down nothing of a node that has not announced itself', async () => {
    begin(1, 2, 3);
    await rounds(3);
    expect([heardBy(1), heardBy(2), heardBy(3)]).toEqual([{}, {}, {}]);
    expect(nodeOf(1).counter.value()).toBe(0);
  });

  it('write down the start and the counter of a node that announces itself, and follow them', async () => {
    begin(1, 2, 3);
    await nodeOf(2).exchange?.announce();
    await rounds(2);
    for (const number of [1, 3]) {
      expect(Object.keys(heardBy(number))).toEqual(['2']);
      expect(heardBy(number)['2']?.start).toBe(1);
    }
    const counter = heardBy(1)['2']?.counter ?? 0;
    expect(counter).toBeGreaterThan(0);
    await until(() => (heardBy(1)['2']?.counter ?? 0) > counter + 1);
  });

  it('refuse a text that is no report', async () => {
    begin(1);
    await expect(nodeOf(1).exchange?.hear('{"node":2}')).rejects.toThrow();
    expect(nodeOf(1).exchange?.others()).toEqual([]);
  });
});

describe('a node that announces itself', () => {
  it('waits for no next round, neither for its announcement nor for its end', async () => {
    everyMs = 3_600_000;
    begin(3, 2);
    await nodeOf(2).exchange?.announce();
    expect(heardBy(3)['2']?.start).toBe(1);
    for (const number of [2, 3]) await nodeOf(number).exchange?.close();
  });

  it('succeeds when a majority with itself has written its report down', async () => {
    begin(2);
    const told = announcing(2);
    await rounds(3);
    expect(told.isDone).toBe(false);
    begin(3);
    await until(() => told.isDone);
    expect(heardBy(3)['2']?.start).toBe(1);
  });

  it('tells no counter before the disk holds it', async () => {
    const disk = Promise.withResolvers<void>();
    const counter = counterOf();
    const raise = async (): Promise<void> => {
      await disk.promise;
      await counter.raise();
    };
    nodeOf(2).counter = { ...counter, raise };
    begin(1, 3, 2);
    await rounds(1);
    const announced = nodeOf(2).exchange?.announce();
    await sleep(50);
    expect([heardBy(1), heardBy(3)]).toEqual([{}, {}]);
    disk.resolve();
    await announced;
    expect(heardBy(1)['2']?.counter).toBeGreaterThan(0);
  });

  it('stays unrecorded while its counter cannot be written, and reports why once', async () => {
    const counter = counterOf();
    let isFull = true;
    const raise = async (): Promise<void> => {
      if (isFull) throw new Error('the disk is full');
      await counter.raise();
    };
    nodeOf(2).counter = { ...counter, raise };
    begin(1, 2, 3);
    const announced = nodeOf(2).exchange?.announce();
    await rounds(3);
    expect([heardBy(1), heardBy(3)]).toEqual([{}, {}]);
    expect(nodeOf(2).lines).toEqual(['its counter cannot be written: the disk is full']);
    isFull = false;
    await announced;
    expect(heardBy(1)['2']?.counter).toBeGreaterThan(0);
    expect(nodeOf(2).lines).toHaveLength(1);
  });

  it('counts another node only after that node has written the report down', async () => {
    const disk = Promise.withResolvers<void>();
    for (const number of [1, 3]) {
      const { record } = nodeOf(number);
      const hear = async (...said: Parameters<NodeRecord['hear']>): Promise<void> => {
        await disk.promise;
        await record.hear(...said);
      };
      Object.assign(nodeOf(number), { record: { ...record, hear } });
    }
    begin(1, 2, 3);
    await rounds(1);
    const told = announcing(2);
    await sleep(50);
    expect(told.isDone).toBe(false);
    disk.resolve();
    await told.announced;
  });

  it('stops waiting for a majority when it is closed', async () => {
    begin(2);
    const announced = nodeOf(2).exchange?.announce();
    end(2);
    await expect(announced).resolves.toBeUndefined();
  });
});
