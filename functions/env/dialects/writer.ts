/** What a dialect must know: how its reader reads, and how to write what it shall read. */
import type { UnfitReason } from '../../model/errors.ts';
import type { Assignment, Line, ParsedFile } from '../grammar.ts';

/** Why a line cannot be written for a reader. */
export type Unfit = {
  readonly reason: UnfitReason;
  /** With `other_line`: the number of the line that is to blame. */
  readonly causeLine?: number;
};

export type Writer = {
  /**
   * The line with `value` in place of its own, its EOL included, such that the dialect's reader gives
   * back exactly `value`, whatever stands in the lines around it that `refuse` lets stand; or why no
   * spelling does. Spellings that the grammar reads the same come first; the others are for replies
   * that are not expanded later (functions/env/lines.ts sees to that).
   */
  readonly write: (line: Assignment, value: string) => string | Unfit;
  /**
   * Of `written`, the lines that this reader does not read as they are written, whatever the value.
   * `kept` are those that come back as they are and stay so: what they do to the reader, they do to
   * others.
   */
  readonly refuse: (
    file: ParsedFile,
    written: ReadonlySet<Line>,
    kept: ReadonlySet<Line>,
  ) => ReadonlyMap<Line, Unfit>;
  /** Whether the reader may read a line that comes back as it is otherwise than the grammar. */
  readonly disagrees: (file: ParsedFile, line: Line) => boolean;
  /** Set: the reply is not the file with other values but all its assignments, so framed. */
  readonly frame?: { readonly open: string; readonly between: string; readonly close: string };
};
