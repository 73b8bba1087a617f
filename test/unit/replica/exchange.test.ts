import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type Exchange, startExchange } from '../../../local/replica/exchange.ts';
import type { NodeMemory } from '../../../local/replica/memory.ts';
import type { NodeReport } from '../../../local/replica/report.ts';
import { askOf, configOf, memoryOf, reportOf } from '../../support/peers.ts';
import { until } from '../../support/until.ts';

/** A node whose history says `digests[revision]`, `good` where it says nothing; it is at `revision`. */
type Node = {
  revision: number;
  digests: Record<number, string>;
  content: NodeReport['content'];
  isThere: boolean;
  /** So often it has asked another one. */
  asked: number;
  memory: NodeMemory;
  exchange?: Exchange;
};

let nodes: Map<number, Node>;
const nodeOf = (number: number): Node => {
  const node = nodes.get(number);
  if (node === undefined) throw new Error(`there is no node ${number}`);
  return node;
};
const digestOf = ({ digests, revision }: Node, at: number): string | undefined =>
  at > revision ? undefined : (digests[at] ?? `good ${at}`);

const report = (number: number): NodeReport => {
  const node = nodeOf(number);
  const { revision: appliedRevision, content, memory } = node;
  return reportOf(number, {
    appliedRevision,
    digest: digestOf(node, appliedRevision) ?? '',
    content,
    start: memory.start(),
    state: memory.diverged() === undefined ? 'serving' : 'diverged',
    conceded: memory.diverged() !== undefined && memory.undecided() === undefined,
  });
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
      everyMs: 5,
      memory: node.memory,
      report: () => report(number),
      findDigest: (at) => digestOf(node, at),
      onDiverged: (...why) => void node.memory.setDiverged(...why),
      onEqual: () => void node.memory.setEqual(),
    });
  }
};
/** Waits until each node has told both others so often what it now says. */
const rounds = async (count: number): Promise<void> => {
  const running = [...nodes.values()].filter(({ isThere }) => isThere);
  const enough = running.map(({ asked }) => asked + 2 * (count + 1));
  await until(() => running.every(({ asked }, index) => asked >= (enough[index] ?? 0)));
};
const diverged = () => [1, 2, 3].filter((number) => nodeOf(number).memory.diverged() !== undefined);
const end = (number: number): void => {
  nodeOf(number).isThere = false;
  void nodeOf(number).exchange?.close();
};
/** Starts nodes again that were ended, with what they remember. */
const restart = async (...numbers: readonly number[]): Promise<void> => {
  for (const number of numbers) {
    const { memory } = nodeOf(number);
    await memory.startAfter(memory.start());
  }
  begin(...numbers);
};
/** Ends a node and starts it with nothing; then it has what the others have. */
const wipe = (number: number): void => {
  end(number);
  const node = nodeOf(number);
  Object.assign(node, { memory: memoryOf(node.memory.start() + 1), digests: {}, content: null });
  begin(number);
};
const undecided = () =>
  [1, 2, 3].filter((number) => nodeOf(number).memory.undecided() !== undefined);

beforeEach(() => {
  const fresh = (): Node => ({
    revision: 10,
    digests: {},
    content: null,
    isThere: false,
    asked: 0,
    memory: memoryOf(),
  });
  nodes = new Map([1, 2, 3].map((number) => [number, fresh()]));
});
afterEach(async () => {
  for (const { exchange } of nodes.values()) await exchange?.close();
  jest.restoreAllMocks();
});

describe('nodes that tell each other where they stand', () => {
  it('know of each other, and who does not answer', async () => {
    begin(1, 2, 3);
    await rounds(1);
    nodeOf(2).revision = 25;
    await rounds(2);
    end(3);
    await rounds(2);
    const others = nodeOf(1).exchange?.others();
    expect(
      others?.map(({ node, appliedRevision, alive }) => [node, appliedRevision, alive]),
    ).toEqual([
      [2, 25, true],
      [3, 10, false],
    ]);
    expect(nodeOf(1).exchange?.areEqual()).toBe(true);
    expect(diverged()).toEqual([]);
  });

  it('count a node for a minute after it was last heard', async () => {
    begin(1, 2, 3);
    nodeOf(3).revision = 7;
    await rounds(1);
    end(3);
    const now = performance.now();
    const clock = jest.spyOn(performance, 'now');
    clock.mockReturnValue(now + 59_000);
    await rounds(1);
    expect(nodeOf(1).exchange?.appliedLately()).toEqual([10, 7]);
    clock.mockReturnValue(now + 61_000);
    await rounds(1);
    expect(nodeOf(1).exchange?.appliedLately()).toEqual([10]);
  });

  it('remember only who is sure of its place, and tell it so when a majority does', async () => {
    begin(1);
    await rounds(1);
    begin(2);
    await rounds(2);
    expect(nodeOf(1).memory.heard()).toEqual({});
    const announced: string[] = [];
    end(1);
    void nodeOf(2)
      .exchange?.announce()
      .then(() => announced.push('done'));
    await rounds(2);
    expect(announced).toEqual([]);
    begin(3);
    await rounds(2);
    expect(announced).toEqual(['done']);
    expect(nodeOf(3).memory.heard()).toEqual({ '2': { start: 1, appliedRevision: 10 } });
  });
});

describe('a node that differs', () => {
  it('from two that are equal stops; they go on', async () => {
    nodeOf(3).digests[10] = 'bad';
    begin(1, 2, 3);
    await rounds(3);
    expect(diverged()).toEqual([3]);
    expect(nodeOf(3).memory.diverged()).toBe('at revision 10 this node differs from node 1 and 2');
    expect(nodeOf(1).exchange?.areEqual()).toBe(false);
  });

  it('is found whichever of the two is behind', async () => {
    nodeOf(3).digests = { 10: 'bad', 11: 'bad', 12: 'bad' };
    nodeOf(1).revision = 11;
    nodeOf(3).revision = 12;
    begin(1, 2, 3);
    await rounds(3);
    expect(diverged()).toEqual([3]);
  });

  it('from the only other that is there stops, and so does the other', async () => {
    nodeOf(2).digests[10] = 'bad';
    begin(1, 2);
    await rounds(3);
    expect(diverged()).toEqual([1, 2]);
  });

  it('since the third died stops, and so does the other: that both equalled the third says nothing', async () => {
    begin(1, 2, 3);
    await rounds(2);
    end(3);
    await rounds(2);
    for (const number of [1, 2]) nodeOf(number).revision = 20;
    nodeOf(2).digests[20] = 'bad';
    await rounds(3);
    expect(diverged()).toEqual([1, 2]);
    expect(nodeOf(1).memory.diverged()).toBe(
      'at revision 20 this node differs from node 2, and no majority tells who is wrong',
    );
  });

  it('from both others, which differ too, stops, and so do they: none is left to serve by itself', async () => {
    nodeOf(2).digests = { 10: 'bad' };
    nodeOf(3).digests = { 10: 'worse' };
    begin(1, 2, 3);
    await rounds(20);
    expect(diverged()).toEqual([1, 2, 3]);
  });

  it('from both others, which have conceded before it met them, stops until one of them is wiped', async () => {
    for (const number of [2, 3]) {
      nodeOf(number).digests = { 10: `bad ${number}` };
      await nodeOf(number).memory.setDiverged('it differs');
    }
    begin(1, 2, 3);
    await rounds(3);
    expect(diverged()).toEqual([1, 2, 3]);
    wipe(2);
    await rounds(3);
    expect(diverged()).toEqual([3]);
  });

  it('from one is not judged before the third has told whom it equals', async () => {
    nodeOf(3).digests[10] = 'bad';
    nodeOf(2).revision = 4;
    begin(1, 2, 3);
    await rounds(5);
    expect(diverged()).toEqual([]);
    nodeOf(2).revision = 10;
    await rounds(2);
    expect(diverged()).toEqual([3]);
  });

  it('is judged without a third that does not catch up', async () => {
    nodeOf(3).digests[10] = 'bad';
    nodeOf(2).revision = 4;
    begin(1, 2, 3);
    await rounds(15);
    expect(diverged()).toEqual([1, 3]);
    nodeOf(2).revision = 10;
    await rounds(3);
    expect(diverged()).toEqual([3]);
  });

  it('in its items alone, at one revision, stops', async () => {
    begin(1, 2, 3);
    await rounds(2);
    for (const number of [1, 2]) nodeOf(number).content = { revision: 10, digest: 'x' };
    nodeOf(3).content = { revision: 9, digest: 'another moment' };
    await rounds(2);
    expect(diverged()).toEqual([]);
    nodeOf(3).content = { revision: 10, digest: 'y' };
    await rounds(2);
    expect(diverged()).toEqual([3]);
  });
});

describe('nodes of which one is wrong', () => {
  /** Node 2 differs from revision 20 on. */
  const differ = (revision = 20): void => {
    for (const number of [1, 2, 3]) nodeOf(number).revision = revision;
    for (let at = 20; at <= 50; at += 1) nodeOf(2).digests[at] = `bad ${at}`;
  };

  it('go on without it whoever of them dies, and whatever is written then', async () => {
    begin(1, 2, 3);
    differ();
    await rounds(3);
    expect(diverged()).toEqual([2]);
    end(1);
    for (const revision of [30, 31, 32]) {
      nodeOf(2).revision = revision;
      nodeOf(3).revision = revision;
      await rounds(2);
    }
    expect(diverged()).toEqual([2]);
    expect(nodeOf(3).exchange?.areEqual()).toBe(false);
  });

  it('go on without it though it died before it knew', async () => {
    begin(1, 2, 3);
    await rounds(2);
    const { memory } = nodeOf(2);
    jest.spyOn(memory, 'setDiverged').mockResolvedValue(undefined);
    differ();
    await rounds(3);
    end(2);
    end(1);
    differ(30);
    await rounds(3);
    expect(diverged()).toEqual([]);
  });

  it('go on without it after every node was started again, and one did not come back', async () => {
    begin(1, 2, 3);
    differ();
    await rounds(3);
    for (const number of [1, 2, 3]) end(number);
    await restart(2, 3);
    differ(30);
    await rounds(3);
    expect(diverged()).toEqual([2]);
    expect(undecided()).toEqual([]);
  });

  it('take it for one of them again when it was wiped', async () => {
    begin(1, 2, 3);
    differ();
    await rounds(3);
    wipe(2);
    await rounds(3);
    expect(diverged()).toEqual([]);
    expect(nodeOf(1).exchange?.areEqual()).toBe(true);
    end(1);
    nodeOf(2).revision = 60;
    nodeOf(2).digests[60] = 'bad again';
    nodeOf(3).revision = 60;
    await rounds(3);
    expect(undecided()).toEqual([2, 3]);
  });
});

describe('two nodes that differ while the third is away', () => {
  const differ = async (): Promise<void> => {
    begin(1, 2);
    for (const number of [1, 2]) nodeOf(number).content = { revision: 10, digest: `of ${number}` };
    await rounds(3);
    expect(undecided()).toEqual([1, 2]);
  };

  it('stay so over a start of both, though they have yet to read their items again', async () => {
    await differ();
    for (const number of [1, 2]) {
      end(number);
      nodeOf(number).content = null;
    }
    await restart(1, 2);
    await rounds(3);
    expect(undecided()).toEqual([1, 2]);
  });

  it('are not settled by outcomes where their items differ', async () => {
    await differ();
    begin(3);
    await rounds(15);
    expect(undecided()).toEqual([1, 2]);
  });

  it('are settled when it comes: the one that it equals goes on, and the other is wrong for good', async () => {
    await differ();
    begin(3);
    nodeOf(3).content = { revision: 10, digest: 'of 1' };
    await rounds(3);
    expect(diverged()).toEqual([2]);
    expect(undecided()).toEqual([]);
    end(3);
    await rounds(3);
    expect(diverged()).toEqual([2]);
  });

  it('are settled when one is wiped: the other goes on', async () => {
    await differ();
    wipe(2);
    await rounds(3);
    expect(diverged()).toEqual([]);
  });
});
