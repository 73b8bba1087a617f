import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { markSpans, spansBetween } from '../../../cli/console/page/workbench/coloured-spans.ts';
import { parseFile } from '../../../functions/env/grammar.ts';
import { fileText } from '../../support/env-files.ts';

const cut = fc.nat(120);
const mark = fc.tuple(cut, cut).map(([start, length]) => ({ start, end: start + length }));

describe('the coloured spans of a text', () => {
  it('add up to the text between any two offsets, with any marks', () => {
    fc.assert(
      fc.property(fileText, cut, cut, fc.array(mark, { maxLength: 3 }), (text, a, b, marks) => {
        const from = Math.min(a, b, text.length);
        const to = Math.min(Math.max(a, b), text.length);
        const spans = markSpans(spansBetween(parseFile(text), from, to), marks);
        const shown = spans.map(({ start, end }) => text.slice(start, end)).join('');
        expect(shown).toBe(text.slice(from, to));
      }),
      { numRuns: 2_000 },
    );
  });

  it('are marked exactly where a mark covers them', () => {
    fc.assert(
      fc.property(fileText, fc.array(mark, { maxLength: 3 }), (text, marks) => {
        const spans = markSpans(spansBetween(parseFile(text), 0, text.length), marks);
        const covered = (at: number) => marks.some(({ start, end }) => start <= at && at < end);
        for (const { start, end, isMarked = false } of spans) {
          for (let at = start; at < end; at++) expect(isMarked).toBe(covered(at));
        }
      }),
      { numRuns: 500 },
    );
  });
});
