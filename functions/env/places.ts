/** Where in a file something is wrong, for people: lines and columns from 1, in code points. */
import type { FileError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';

/** What is wrong, before lines and columns are counted; `offset` in UTF-16 code units. */
export type Fault = Omit<FileError, 'line' | 'column'> & { readonly offset: number };

/** What a problem tells of a file: the first errors, and how many there are. */
export type Report = { readonly errors: readonly FileError[]; readonly errorsTotal: number };

export const byteOrderMark = '\uFEFF';

/**
 * Faults as errors, in the order of their places, counted in one pass over the text. A byte order
 * mark has no column: editors do not show it. Only LF ends a line, as in the grammar.
 */
export const errorsAt = (text: string, faults: readonly Fault[]): FileError[] => {
  let at = text.startsWith(byteOrderMark) ? 1 : 0;
  let line = 1;
  let column = 1;
  const sorted = [...faults].sort((a, b) => a.offset - b.offset);
  return sorted.map(({ offset, ...rest }) => {
    for (; at < offset; at++) {
      const unit = text.charCodeAt(at);
      if (unit === 0x0a) {
        line++;
        column = 1;
      } else if (!isLowSurrogate(unit)) column++;
    }
    return { line, column, ...rest };
  });
};

/** Errors of several passes over one file as one report, in the order of their places. */
export const reportOf = (errors: readonly FileError[]): Report => {
  const sorted = [...errors].sort((a, b) => a.line - b.line || a.column - b.column);
  return { errors: sorted.slice(0, limits.fileErrorsMax), errorsTotal: sorted.length };
};

/** The second half of a pair, which adds no code point. */
const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;
