import { describe, expect, it } from '@jest/globals';
import {
  lineStarts,
  markAt,
  offsetAt,
} from '../../../cli/console/page/workbench/text-positions.ts';

describe('the mark of a fault', () => {
  it.each([
    ['A=secret (X) y', 2, 'secret (X)'],
    ['A=Secret(X)-y', 2, 'Secret(X)'],
    ['missing sign', 0, 'missing'],
    ['1A=x', 0, '1A'],
    ['A="x"y z', 5, 'y'],
    ['A= = x', 3, '='],
    ['A=\nB', 2, ''],
    ['A', 1, ''],
  ])('in %j at offset %i covers %j', (text, start, expected) => {
    const mark = markAt(text, start);
    expect(text.slice(mark.start, mark.end)).toBe(expected);
  });
});

describe('offsetAt, for', () => {
  it.each([
    ['a column beyond the line, returns the end of the line', { line: 1, column: 9 }, 2],
    ['a line beyond the text, returns the end of the text', { line: 9, column: 1 }, 5],
    ['a character of two code units, counts one column', { line: 2, column: 2 }, 5],
  ])('%s', (_, place, offset) => {
    const text = 'ab\n😀';
    expect(offsetAt(text, lineStarts(text), place)).toBe(offset);
  });
});
