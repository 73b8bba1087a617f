import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { searchFor } from '../../../functions/env/occurrences.ts';

/** All offsets at which a text ends, each with the length of the longest text that ends there. */
const found = (texts: readonly string[], parts: readonly string[]): [number, number][] => {
  const search = searchFor(texts);
  const places: [number, number][] = [];
  let at = 0;
  for (const part of parts) {
    search.feed(part, (end, length) => places.push([at + end, length]));
    at += part.length;
  }
  return places;
};

const foundOneByOne = (texts: readonly string[], whole: string): [number, number][] =>
  Array.from({ length: whole.length }, (_, index) => index + 1).flatMap((end) => {
    const ending = texts.filter((text) => whole.slice(0, end).endsWith(text));
    const length = Math.max(0, ...ending.map((text) => text.length));
    return length === 0 ? [] : [[end, length] as [number, number]];
  });

describe('a search for many texts', () => {
  it('finds what separate searches find, across the parts of its input', () => {
    const letters = fc.constantFrom(...'aaab\u0000\uffff');
    const text = fc.string({ unit: letters, minLength: 1, maxLength: 5 });
    const parts = fc.array(fc.string({ unit: letters, maxLength: 20 }), { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 9 }), parts, (texts, fed) => {
        expect(found(texts, fed)).toEqual(foundOneByOne(texts, fed.join('')));
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    ['that begin with different letters', ''],
    ['that differ after the same beginning', 'a'],
  ])('takes no longer for many texts than for few, %s', (_, beginning) => {
    const searchOf = (count: number) =>
      searchFor(
        Array.from({ length: count }, (_, index) => beginning + String.fromCharCode(256 + index)),
      );
    const text = 'ab'.repeat(100_000);
    let places = 0;
    const timeOf = (search: ReturnType<typeof searchOf>): number => {
      const start = performance.now();
      search.feed(text, () => {
        places += 1;
      });
      return performance.now() - start;
    };
    const [few, many] = [searchOf(2), searchOf(4_000)];
    const runs = Array.from({ length: 7 }, () => [timeOf(few), timeOf(many)] as const);
    const best = (side: 0 | 1) => Math.min(...runs.map((run) => run[side]));
    expect(places).toBe(0);
    // A search that looks at one text after the other has a ratio of about 1,000.
    expect(best(1) / best(0)).toBeLessThan(50);
  });
});
