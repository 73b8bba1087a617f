/** Converts lines and columns to offsets in the editor's text, and marks faults there. */
import { byteOrderMark } from '../../../../functions/env/faults.ts';
import type { Mark } from './coloured-spans.ts';

/** Returns the offsets where the lines of a text start. Only LF ends a line, as in the grammar. */
export const lineStarts = (text: string): number[] => {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
};

export type Position = { readonly line: number; readonly column: number };

/**
 * Returns the offset of a position; the inverse of `errorsAt`. A column beyond the end of its line
 * is the end of the line.
 */
export const offsetAt = (
  text: string,
  starts: readonly number[],
  { line, column }: Position,
): number => {
  const start = starts[line - 1] ?? text.length;
  const end = (starts[line] ?? text.length + 1) - 1;
  let at = line === 1 && text.startsWith(byteOrderMark) ? 1 : start;
  for (let left = column - 1; left > 0 && at < end; left--) at += widthAt(text, at);
  return at;
};

/** The width of the character at an offset, in UTF-16 code units. */
const widthAt = (text: string, at: number): number =>
  (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;

/**
 * Returns what to mark for a fault: the word at its offset, or everything that looks like a
 * reference there.
 */
export const markAt = (text: string, start: number): Mark => {
  word.lastIndex = start;
  const [found = ''] = word.exec(text) ?? [];
  return { start, end: start + found.length };
};

const word = /(?:secret|enc)[ \t]*\([\w.@-]*\)?|[^\s=]+|[^\n]/iy;

/**
 * Moves marks from an older text to the text after one edit. Marks that the edit touched are
 * dropped.
 */
export const shiftMarks = (marks: readonly Mark[], from: string, to: string): readonly Mark[] => {
  if (from === to || marks.length === 0) return marks;
  const shorter = Math.min(from.length, to.length);
  let same = 0;
  while (same < shorter && from[same] === to[same]) same++;
  let tail = 0;
  while (tail < shorter && from.at(-1 - tail) === to.at(-1 - tail)) tail++;
  const moved = to.length - from.length;
  return marks.flatMap(({ start, end }) => {
    if (end <= same) return [{ start, end }];
    return start >= from.length - tail ? [{ start: start + moved, end: end + moved }] : [];
  });
};
