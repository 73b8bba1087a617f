import { describe, expect, it } from '@jest/globals';
import {
  areEqualFrom,
  type Comparison,
  compareCopies,
  differenceOf,
  digestOf,
  type HashAnswer,
  resultOf,
} from '../../../../local/node/comparing.ts';
import type { Verdict } from '../../../../local/node/report.ts';

const answerOf = (more: Partial<HashAnswer> = {}): HashAnswer => ({
  revision: 9,
  compactRevision: 4,
  hash: 1,
  etcd: '3.4.23',
  ...more,
});
const own = answerOf();
const comparisonOf = (...verdicts: readonly Verdict[]): Comparison => ({
  own,
  verdicts: new Map(verdicts.map((verdict, index) => [index + 2, verdict])),
});

type Answer = Partial<HashAnswer> | undefined | ((revision: number) => Partial<HashAnswer>);

/** Node 1 compares its copy with the nodes from 2 on; `undefined`: that node gives no answer. */
const compare = async (...answers: readonly Answer[]) => {
  const asked: (readonly [node: number, revision: number])[] = [];
  let revision = own.revision - 1;
  const comparison = await compareCopies({
    others: answers.map((_, index) => index + 2),
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
  return { verdicts, asked, result: resultOf(comparison) };
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
  ])(
    'becomes %s in a cluster of %i if the verdicts on the others are %j',
    (result, _, verdicts) => {
      expect(resultOf(comparisonOf(...verdicts))).toBe(result);
    },
  );

  it('names the nodes that differ', () => {
    expect(differenceOf(comparisonOf('different', 'none', 'different'))).toBe(
      'its data at revision 9 differ from those of node 2 and node 4',
    );
  });
});

describe('a node that compares its copy', () => {
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
  ])('ignores a hash over %s, equal or not', async (_, more) => {
    const { verdicts, result } = await compare(more, { ...more, hash: 2 });
    expect([verdicts, result]).toEqual([['none', 'none'], 'none']);
  });

  it('compares hashes of one minor version of etcd', async () => {
    expect((await compare({ etcd: '3.4.30', hash: 2 }, { etcd: '3.4.9' })).verdicts).toEqual([
      'different',
      'equal',
    ]);
  });

  it('asks a node again, at its own new revision, if the hashes cannot be compared', async () => {
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

  it('asks a node that gives no answer five times', async () => {
    const { result, asked } = await compare({ hash: 2 }, undefined);
    expect(result).toBe('different');
    expect(asked.filter(([node]) => node === 3)).toHaveLength(5);
  });

  it('treats a malformed answer as no answer', async () => {
    const comparison = await compareCopies({
      others: [2, 3],
      hashOwn: async () => own,
      hashOf: async () => ({ revision: 9, compactRevision: 4 }) as HashAnswer,
    });
    expect(resultOf(comparison)).toBe('none');
  });

  it('rejects if its own etcd gives no hash', async () => {
    const hashOwn = (): Promise<never> => Promise.reject(new Error('etcd is away'));
    const hashOf = async () => own;
    await expect(compareCopies({ others: [2, 3], hashOwn, hashOf })).rejects.toThrow('away');
  });
});

it('a digest shows the hash in eight hexadecimal digits', () => {
  expect(digestOf(answerOf({ hash: 0xbeef }))).toEqual({
    revision: 9,
    compactRevision: 4,
    hash: '0000beef',
  });
});

describe('areEqualFrom', () => {
  const ask = (revision: number, hashes: readonly (number | undefined)[], at: readonly number[]) =>
    areEqualFrom({
      revision,
      others: hashes.map((_, index) => index + 2),
      heard: at.map((appliedRevision, index) => ({ node: index + 2, appliedRevision })),
      hashOf: async (node, asked) => {
        const hash = hashes[node - 2];
        if (hash === undefined) throw new Error('it gives no answer');
        return answerOf({ revision: asked, hash });
      },
    });

  it.each<[boolean, string, number, readonly (number | undefined)[], readonly number[]]>([
    [true, 'equal at the revision', 90, [1, 1], [90, 90]],
    [true, 'equal, of which one is later', 90, [1, 1], [89, 91]],
    [false, 'equal, and older: both may be old copies', 91, [1, 1], [90, 90]],
    [false, 'different', 90, [1, 2], [90, 90]],
    [false, 'of which one gives no answer', 90, [1, undefined], [90, 90]],
    [false, 'of which one was never heard', 90, [1, undefined], [90]],
    [true, 'of which three of four are equal', 90, [1, 1, 2, 1], [90, 90, 90, 90]],
    [false, 'of which two of four are equal', 90, [1, 1, 2, 3], [90, 90, 90, 90]],
  ])('is %s for other nodes that are %s', async (expected, _, revision, hashes, at) => {
    expect(await ask(revision, hashes, at)).toBe(expected);
  });
});
