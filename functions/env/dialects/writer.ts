/** The writer of a dialect. It knows how the dialect's reader reads, and writes values for that reader. */
import type { UnfitReason } from '../../model/errors.ts';
import type { Assignment, Line, ParsedFile } from '../grammar.ts';

/** Why a line cannot be written for a reader. */
export type Unfit = {
  readonly reason: UnfitReason;
  /** With `other_line`: the number of the line that causes the error. */
  readonly causeLine?: number;
};

export type Writer = {
  /**
   * The line with `value` in place of its own value, and with its EOL. The dialect's reader must return exactly
   * `value`, whatever the surrounding lines hold that `refuse` accepts. If no spelling does that, the result is the
   * reason. Spellings that the grammar reads the same come first. The others are only for replies that are not
   * expanded later, which functions/env/lines.ts ensures.
   */
  readonly write: (line: Assignment, value: string) => string | Unfit;
  /**
   * The lines of `written` for which no value would be read correctly, each with its reason. `kept` are the unchanged
   * lines, which may also affect how the reader reads other lines.
   */
  readonly refuse: (
    file: ParsedFile,
    written: ReadonlySet<Line>,
    kept: ReadonlySet<Line>,
  ) => ReadonlyMap<Line, Unfit>;
  /** Whether the reader may read an unchanged line differently from the grammar. */
  readonly disagrees: (file: ParsedFile, line: Line) => boolean;
  /** If set, the reply holds only the assignments of the file, in this frame. */
  readonly frame?: { readonly open: string; readonly between: string; readonly close: string };
};
