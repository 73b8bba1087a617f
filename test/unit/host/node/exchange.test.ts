import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Counter } from '../../../../host/node/counter.ts';
import { type Exchange, startExchange } from '../../../../host/node/exchange.ts';
import type { NodeRecord } from '../../../../host/node/node-record.ts';
import type { NodeReport } from '../../../../host/node/report.ts';
import { askOf, configOf, counterOf, recordOf, reportOf } from '../../../support/nodes.ts';
import { until } from '../../../support/until.ts';

type Node = {
  revision: number;
  /** The highest revision that the node knew of before its etcd started. */
  known: number;
  state: NodeReport['state'];
  /** How often a report of another node made this node compare its copy. */
  doubts: number;
  isThere: boolean;
  /** How often this node has called another node. */
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
        return nodeOf(other).isThere ? nodeOf(other).exchange?.receive(body) : undefined;
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
/** Waits until each running node has called both others `count` more times. */
const rounds = async (count: number): Promise<void> => {
  const running = [...nodes.values()].filter(({ isThere }) => isThere);
  const enough = running.map(({ asked }) => asked + 2 * (count + 1));
  await until(() => running.every(({ asked }, index) => asked >= (enough[index] ?? 0)));
};
/** Makes a node announce itself. `isDone` becomes true once a majority has recorded its report. */
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
  it('know the last report of each other, and which nodes are silent', async () => {
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

  it('compare their data once for each node that diverges, and again if it diverges again', async () => {
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
    // A new member knows only the revision that it has applied.
    nodeOf(2).known = 12;
    await until(() => known()[0]?.[1] === 12);
    expect(known()[1]).toEqual([3, 30]);
  });

  it('compare their data once if a node starts with a later revision than theirs, but not if a running node writes', async () => {
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

  it('record nothing about a node that has not announced itself', async () => {
    begin(1, 2, 3);
    await rounds(3);
    expect([heardBy(1), heardBy(2), heardBy(3)]).toEqual([{}, {}, {}]);
    expect(nodeOf(1).counter.value()).toBe(0);
  });

  it('record the start number and the counter of a node that announces itself, and then each higher counter', async () => {
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

  it('refuse a text that is not a report', async () => {
    begin(1);
    await expect(nodeOf(1).exchange?.receive('{"node":2}')).rejects.toThrow();
    expect(nodeOf(1).exchange?.others()).toEqual([]);
  });
});

describe('a node that announces itself', () => {
  it('announces itself and stops at once, without waiting for the next round of reports', async () => {
    everyMs = 3_600_000;
    begin(3, 2);
    await nodeOf(2).exchange?.announce();
    expect(heardBy(3)['2']?.start).toBe(1);
    for (const number of [2, 3]) await nodeOf(number).exchange?.close();
  });

  it('succeeds once a majority, itself included, has recorded its report', async () => {
    begin(2);
    const told = announcing(2);
    await rounds(3);
    expect(told.isDone).toBe(false);
    begin(3);
    await until(() => told.isDone);
    expect(heardBy(3)['2']?.start).toBe(1);
  });

  it('sends no counter before the disk holds it', async () => {
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

  it('is not recorded by other nodes while its counter cannot be written, and logs the reason once', async () => {
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

  it('counts another node toward its majority only once that node has recorded the report', async () => {
    const disk = Promise.withResolvers<void>();
    for (const number of [1, 3]) {
      const { record } = nodeOf(number);
      const receive = async (...said: Parameters<NodeRecord['receive']>): Promise<void> => {
        await disk.promise;
        await record.receive(...said);
      };
      Object.assign(nodeOf(number), { record: { ...record, receive } });
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
