/** What a dialect must know: how its reader reads, and how to write what it shall read. */
import type { Assignment, Line, ParsedFile } from '../grammar.ts';

export type Writer = {
  /**
   * The line with `value` in place of its own, its EOL included, such that the dialect's reader gives
   * back exactly `value`; `undefined`: no spelling does. The grammar must read the same.
   */
  readonly write: (line: Assignment, value: string) => string | undefined;
  /**
   * Of `written`, the lines on which this reader reads no value at all as it is written. `kept` are
   * those that come back as they are and stay so: what they do to the reader, they do to later lines.
   */
  readonly refuse: (
    file: ParsedFile,
    written: ReadonlySet<Line>,
    kept: ReadonlySet<Line>,
  ) => ReadonlySet<Line>;
  /** Whether the reader may read a line that comes back as it is otherwise than the grammar. */
  readonly disagrees: (file: ParsedFile, line: Line) => boolean;
  /** Set: the reply is not the file with other values but all its assignments, so framed. */
  readonly frame?: { readonly open: string; readonly between: string; readonly close: string };
};
