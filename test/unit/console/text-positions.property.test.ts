import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  lineStarts,
  offsetAt,
  shiftMarks,
} from '../../../cli/console/page/workbench/text-positions.ts';
import { errorsAt } from '../../../functions/env/faults.ts';
import { fileText } from '../../support/env-files.ts';

/**
 * Whether the vault can report this offset: it is not inside a character of two code units, and not
 * before a byte order mark.
 */
const isBoundary = (text: string, at: number): boolean => {
  const isInPair =
    /^[\uDC00-\uDFFF]/.test(text.slice(at)) && /[\uD800-\uDBFF]$/.test(text.slice(0, at));
  return !isInPair && !(at === 0 && text.startsWith('\uFEFF'));
};

describe('offsetAt', () => {
  it('returns the offset of each position that the vault reports', () => {
    fc.assert(
      fc.property(fileText, fc.nat(200), (text, some) => {
        const offset = Math.min(some, text.length);
        fc.pre(isBoundary(text, offset));
        const [place = { line: 0, column: 0 }] = errorsAt(text, [{ offset, code: 'bad_key' }]);
        expect(offsetAt(text, lineStarts(text), place)).toBe(offset);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the marks of a text', () => {
  it('cover the same characters after an edit elsewhere, and disappear after an edit inside', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 8 });
    const marked = fc.constant('[mark]');
    fc.assert(
      fc.property(letters, marked, letters, letters, letters, (head, mark, tail, other, more) => {
        const from = `${head}${mark}${tail}`;
        const marks = [{ start: head.length, end: head.length + mark.length }];
        const at = (text: string) =>
          shiftMarks(marks, from, text).map((one) => text.slice(one.start, one.end));
        expect(at(`${other}${mark}${tail}`)).toEqual([mark]);
        expect(at(`${head}${mark}${other}`)).toEqual([mark]);
        expect(at(`${head}[ma${more}*rk]${tail}`)).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });
});
