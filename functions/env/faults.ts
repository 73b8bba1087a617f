/** Positions of errors in a file. Lines and columns count from 1, in code points. */
import type { FileError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';

/** An error whose line and column have not been counted yet. `offset` is in UTF-16 code units. */
export type Fault = Omit<FileError, 'line' | 'column'> & { readonly offset: number };

type Position = Pick<FileError, 'line' | 'column'>;

/**
 * The part of a problem document that is about a file: the first errors, and how many there are.
 */
export type Report<Entry = FileError> = {
  readonly errors: readonly Entry[];
  readonly errorsTotal: number;
};

export const byteOrderMark = '\uFEFF';

/**
 * Converts faults to errors, in the order of their positions. A byte order mark has no column,
 * because editors do not show it. Only LF ends a line, as in the grammar.
 */
export const errorsAt = <Entry extends { readonly offset: number } = Fault>(
  text: string,
  faults: readonly Entry[],
): (Position & Omit<Entry, 'offset'>)[] => {
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

/** Makes a report from errors in any order. */
export const reportOf = <Entry extends Position>(errors: readonly Entry[]): Report<Entry> => {
  const sorted = [...errors].sort((a, b) => a.line - b.line || a.column - b.column);
  return { errors: sorted.slice(0, limits.fileErrorsMax), errorsTotal: sorted.length };
};

/**
 * Whether a code unit is the second half of a surrogate pair, which belongs to the previous code
 * point.
 */
const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;
