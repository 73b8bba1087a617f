import { describe, expect, it } from '@jest/globals';
import {
  areEqualFrom,
  type Comparison,
  compareCopies,
  differenceOf,
  type HashAnswer,
  type Read,
  readLatest,
  resultOf,
} from '../../../../host/node/comparing.ts';
import { digestOf } from '../../../../host/node/hashing.ts';
import type { Verdict } from '../../../../host/node/report.ts';

const answerOf = (more: Partial<HashAnswer> = {}): HashAnswer => ({
  revision: 9,
  compactRevision: 4,
  hash: 1,
  etcd: '3.4.23',
  ...more,
});
const own = answerOf();
/**
 * A read at revision 9. Before it, this node knew of revision `known`, and the nodes from 2 on had
 * reported the revisions in `reported`.
 */
const readOf = (known = 9, reported: readonly number[] = [9, 9, 9, 9]): Read => ({
  revision: 9,
  committed: {
    own: known,
    others: new Map(reported.map((revision, index) => [index + 2, revision])),
  },
});
const comparisonOf = (...verdicts: readonly Verdict[]): Comparison => ({
  read: readOf(),
  own,
  verdicts: new Map(verdicts.map((verdict, index) => [index + 2, verdict])),
});

type Answer = Partial<HashAnswer> | undefined | ((revision: number) => Partial<HashAnswer>);

/**
 * Node 1 compares its copy with those of nodes 2 and up. A node whose answer is `undefined` does
 * not answer.
 */
const compare = (...answers: readonly Answer[]) => compareAfter([readOf()], ...answers);

/** Like `compare`, but with these reads. The last one is repeated. */
const compareAfter = async (reads: readonly Read[], ...answers: readonly Answer[]) => {
  const rest = [...reads];
  const asked: (readonly [node: number, revision: number])[] = [];
  let revision = own.revision - 1;
  const comparison = await compareCopies({
    others: answers.map((_, index) => index + 2),
    read: async () => (rest.length > 1 ? rest.shift() : rest[0]) ?? readOf(),
    hashOwn: async () => {
      revision += 1;
      return answerOf({ revision });
    },
    hashOf: async (node, at) => {
      asked.push([node, at]);
      const answer = answers[node - 2];
      if (answer === undefined) throw new Error('it gives no answer');
      return answerOf({ revision: at, ...(typeof answer === 'function' ? answer(at) : answer) });
    },
  });
  const verdicts = [...comparison.verdicts.values()];
  return { comparison, verdicts, asked, result: resultOf(comparison) };
};

describe('the result of a comparison', () => {
  it.each<[Verdict, number, readonly Verdict[]]>([
    ['equal', 3, ['equal', 'equal']],
    ['equal', 3, ['equal', 'none']],
    ['equal', 3, ['different', 'equal']],
    ['different', 3, ['different', 'different']],
    ['different', 3, ['none', 'different']],
    ['none', 3, ['none', 'none']],
    ['equal', 5, ['equal', 'equal', 'different', 'different']],
    ['equal', 5, ['none', 'equal', 'none', 'equal']],
    ['different', 5, ['equal', 'different', 'different', 'different']],
    ['different', 5, ['equal', 'none', 'none', 'different']],
    ['none', 5, ['equal', 'none', 'none', 'none']],
    ['equal', 3, ['ahead', 'equal']],
    ['ahead', 3, ['ahead', 'none']],
    ['ahead', 3, ['ahead', 'different']],
    ['ahead', 3, ['ahead', 'ahead']],
    ['equal', 5, ['ahead', 'ahead', 'equal', 'equal']],
    ['ahead', 5, ['equal', 'none', 'none', 'ahead']],
  ])('is "%s" in a cluster of %i if the other nodes are judged %j', (result, _, verdicts) => {
    expect(resultOf(comparisonOf(...verdicts))).toBe(result);
  });

  it('names the nodes whose data differ from those of this node', () => {
    expect(differenceOf(comparisonOf('different', 'none', 'different'))).toBe(
      'its data at revision 9 differ from those of node 2 and node 4',
    );
  });
});

describe('a node that compares its data with the others', () => {
  it('finds its copy equal to one with the same hash, and then asks no other node', async () => {
    const { result, asked } = await compare({}, {});
    expect([result, asked]).toEqual(['equal', [[2, 9]]]);
  });

  it('finds its copy different from one with another hash', async () => {
    const { verdicts, asked } = await compare({ hash: 2 }, { hash: 2 });
    expect(verdicts).toEqual(['different', 'different']);
    expect(asked).toEqual([
      [2, 9],
      [3, 9],
    ]);
  });

  it.each([
    ['another compaction', { compactRevision: 5 }],
    ['another revision', { revision: 8 }],
    ['another minor version of etcd', { etcd: '3.5.26' }],
  ])('ignores a hash of %s, whether it equals its own or not', async (_, more) => {
    const { verdicts, result } = await compare(more, { ...more, hash: 2 });
    expect([verdicts, result]).toEqual([['none', 'none'], 'none']);
  });

  it('compares hashes only within one minor version of etcd', async () => {
    expect((await compare({ etcd: '3.4.30', hash: 2 }, { etcd: '3.4.9' })).verdicts).toEqual([
      'different',
      'equal',
    ]);
  });

  it('asks a node again, at the new revision of its own copy, if the hashes cannot be compared', async () => {
    const { verdicts, asked } = await compare(
      (revision) => (revision === 11 ? {} : { compactRevision: 5 }),
      { hash: 2 },
    );
    expect(verdicts).toEqual(['equal', 'different']);
    expect(asked).toEqual([
      [2, 9],
      [3, 9],
      [2, 10],
      [2, 11],
    ]);
  });

  it('asks at most five times if a node does not answer', async () => {
    const { result, asked } = await compare({ hash: 2 }, undefined);
    expect(result).toBe('different');
    expect(asked.filter(([node]) => node === 3)).toHaveLength(5);
  });

  it('treats a malformed answer as no answer', async () => {
    const comparison = await compareCopies({
      others: [2, 3],
      read: async () => readOf(),
      hashOwn: async () => own,
      hashOf: async () => ({ revision: 9, compactRevision: 4 }) as HashAnswer,
    });
    expect(resultOf(comparison)).toBe('none');
  });

  it('rejects if its own etcd gives no hash, or answers no linearizable read', async () => {
    const away = (): Promise<never> => Promise.reject(new Error('etcd is away'));
    const options = {
      others: [2, 3],
      read: async () => readOf(),
      hashOwn: async () => own,
      hashOf: async () => own,
    };
    for (const part of ['read', 'hashOwn']) {
      await expect(compareCopies({ ...options, [part]: away })).rejects.toThrow('away');
    }
  });
});

describe("another node that has reported a later revision than this node's read returns", () => {
  it('is judged to be ahead of this node, and is not asked for its hash', async () => {
    const { comparison, result, asked } = await compareAfter([readOf(9, [70, 9])], {}, { hash: 2 });
    expect([result, asked]).toEqual(['ahead', [[3, 9]]]);
    expect(differenceOf(comparison)).toBe(
      'acknowledged writes are missing here: node 2 has revision 70, this node 9; ' +
        'its data at revision 9 differ from those of node 3',
    );
  });

  it('does not prevent an equal result if the third node has the same data, however high the reported revision is', async () => {
    expect((await compareAfter([readOf(9, [10 ** 12, 9])], {}, {})).result).toBe('equal');
    expect((await compareAfter([readOf(9, [9, 10 ** 12])], {}, {})).result).toBe('equal');
    const { comparison, result } = await compareAfter([readOf(9, [10 ** 12, 70])], {}, {});
    expect(result).toBe('ahead');
    expect(differenceOf(comparison)).toBe(
      'acknowledged writes are missing here: node 2 has revision 1000000000000 and ' +
        'node 3 has revision 70, this node 9',
    );
  });

  it.each([
    ['the same revision as the read', 9],
    ['an earlier revision, because it is slower', 3],
  ])('would be judged by its hash if it had reported %s', async (_, reported) => {
    expect((await compareAfter([readOf(9, [reported])], {}, undefined)).result).toBe('equal');
  });
});

it('another node that had reported no revision before a read is judged only after a later read', async () => {
  const { result, asked } = await compareAfter([readOf(9, []), readOf(9, [9])], {}, undefined);
  expect([result, asked]).toEqual(['equal', [[2, 10]]]);
  expect((await compareAfter([readOf(9, []), readOf(9, [70])], {}, undefined)).result).toBe(
    'ahead',
  );
});

it('a node that knew a later revision than its read returns has lost writes, however many other nodes have equal data', async () => {
  const { comparison, result } = await compareAfter([readOf(70)], {}, {});
  expect(result).toBe('ahead');
  expect(differenceOf(comparison)).toBe(
    'acknowledged writes are missing here: this node had revision 70, and has 9 now',
  );
  const both = await compareAfter([readOf(70, [71, 9])], {}, {});
  expect(differenceOf(both.comparison)).toBe(
    'acknowledged writes are missing here: this node had revision 70, and has 9 now; ' +
      'node 2 has revision 71',
  );
});

describe('readLatest', () => {
  it('notes the committed revisions before it sends the read, so that later writes do not look missing', async () => {
    const committed = { own: 5, others: new Map([[2, 6]]) };
    const header = { cluster_id: '1', revision: '7' };
    const range = async () => {
      committed.own = 8;
      return { header, kvs: [], more: false };
    };
    const read = await readLatest({ range }, () => ({ ...committed }));
    expect(read).toEqual({ revision: 7, committed: { own: 5, others: new Map([[2, 6]]) } });
  });

  it('rejects if no majority answers', async () => {
    const range = () => Promise.reject(new Error('no leader'));
    await expect(readLatest({ range }, () => readOf().committed)).rejects.toThrow('no majority');
  });
});

it('a digest shows a hash as eight hexadecimal digits', () => {
  expect(digestOf(answerOf({ hash: 0xbeef }))).toEqual({
    revision: 9,
    compactRevision: 4,
    hash: '0000beef',
  });
});

describe('areEqualFrom', () => {
  const ask = (
    revision: number,
    hashes: readonly (number | undefined)[],
    at: readonly number[],
    knownRevision = 0,
  ) =>
    areEqualFrom({
      revision,
      others: hashes.map((_, index) => index + 2),
      heard: at.map((appliedRevision, index) => ({
        ...{ node: index + 2, appliedRevision, knownRevision },
      })),
      hashOf: async (node, asked) => {
        const hash = hashes[node - 2];
        if (hash === undefined) throw new Error('it gives no answer');
        return answerOf({ revision: asked, hash });
      },
    });

  it.each<[boolean, string, number, readonly (number | undefined)[], readonly number[]]>([
    [true, 'the other nodes are equal at the revision', 90, [1, 1], [90, 90]],
    [true, 'the other nodes are equal and one has a later revision', 90, [1, 1], [89, 91]],
    [false, 'the other nodes are equal but older, so both may be old copies', 91, [1, 1], [90, 90]],
    [false, 'the other nodes have different data', 90, [1, 2], [90, 90]],
    [false, 'one of the other nodes does not answer', 90, [1, undefined], [90, 90]],
    [false, 'one of the other nodes never reported', 90, [1, undefined], [90]],
    [true, 'three of four other nodes are equal', 90, [1, 1, 2, 1], [90, 90, 90, 90]],
    [false, 'only two of four other nodes are equal', 90, [1, 1, 2, 3], [90, 90, 90, 90]],
  ])('is %s if %s', async (expected, _, revision, hashes, at) => {
    expect(await ask(revision, hashes, at)).toBe(expected);
  });

  it('is false if the other nodes have equal data but have lost a later revision that one of them knew', async () => {
    expect(await ask(90, [1, 1], [90, 90], 91)).toBe(false);
    expect(await ask(90, [1, 1], [90, 90], 90)).toBe(true);
  });
});
