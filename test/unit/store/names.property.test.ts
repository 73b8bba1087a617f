import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isNameVisible } from '../../../functions/model/types.ts';
import { rangesOf } from '../../../functions/store/names.ts';

/** Short names of few letters, so that patterns and prefixes often match them. */
const letters = fc.stringMatching(/^[AB_a.]{1,4}$/);
const name = letters.filter((text) => !text.startsWith('.'));
const pattern = fc.oneof(
  name,
  name.map((text) => `${text}*`),
  fc.constant('*'),
);
const patterns = fc.array(pattern, { maxLength: 8 });
const prefix = fc.oneof(fc.constant(''), letters, name);
const sets = fc.uniqueArray(name, { maxLength: 30 });

type Range = ReturnType<typeof rangesOf>[number];
const covers = ({ text, exact }: Range, candidate: string): boolean =>
  exact ? candidate === text : candidate.startsWith(text);

describe('the ranges of names that a list reads', () => {
  // Shows G7.
  it('cover exactly the visible and requested names, each once', () => {
    fc.assert(
      fc.property(patterns, prefix, sets, (given, asked, all) => {
        const ranges = rangesOf(given, asked);
        const candidates = [...all, ...given.map((one) => one.replace('*', ''))];
        const times = candidates.map(
          (candidate) => ranges.filter((range) => covers(range, candidate)).length,
        );
        const expected = candidates.map((candidate) =>
          Number(isNameVisible(given, candidate) && candidate.startsWith(asked)),
        );
        expect(times).toEqual(expected);
      }),
      { numRuns: 1_500 },
    );
  });

  it('yield the names in ascending order if they are read one after the other', () => {
    fc.assert(
      fc.property(patterns, prefix, sets, (given, asked, all) => {
        const index = [...all].sort();
        const read = rangesOf(given, asked).flatMap((range) =>
          index.filter((candidate) => covers(range, candidate)),
        );
        expect(read).toEqual(
          index.filter((one) => isNameVisible(given, one) && one.startsWith(asked)),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('are at most as many as the patterns, and stay inside the prefix', () => {
    fc.assert(
      fc.property(patterns, prefix, (given, asked) => {
        const ranges = rangesOf(given, asked);
        expect(ranges.length).toBeLessThanOrEqual(new Set(given).size);
        for (const { text } of ranges) expect(text.startsWith(asked)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each<[string[], string, Range[]]>([
    [[], '', []],
    [['*'], '', [{ text: '', exact: false }]],
    [['*'], 'DB_', [{ text: 'DB_', exact: false }]],
    [['DB_HOST'], 'DB_', [{ text: 'DB_HOST', exact: true }]],
    [['DB_HOST'], 'DB_HOSTS', []],
    [['DB*', 'DB_HOST', 'DB'], '', [{ text: 'DB', exact: false }]],
    [
      ['B', 'A*'],
      '',
      [
        { text: 'A', exact: false },
        { text: 'B', exact: true },
      ],
    ],
    [['A', 'A'], '', [{ text: 'A', exact: true }]],
    [
      ['A', 'AB'],
      '',
      [
        { text: 'A', exact: true },
        { text: 'AB', exact: true },
      ],
    ],
  ])('for the patterns %j and the prefix %j are %j', (given, asked, expected) => {
    expect(rangesOf(given, asked)).toEqual(expected);
  });
});
