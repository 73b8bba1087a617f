/**
 * The writer of a dialect, which knows how the dialect's reader reads, and writes values for that reader. An
 * unchanged line is classified alone and conservatively: it is `same` only if that is certain.
 */
import type { UnfitReason } from '../../model/errors.ts';
import type { Assignment, Line, ParsedFile } from '../grammar.ts';

/** Why a line cannot be written for a reader. */
export type Unfit = {
  readonly reason: UnfitReason;
  /** With `other_line`: the number of the line that causes the error. */
  readonly causeLine?: number;
};

export type ReadValue = { readonly line: Assignment; readonly value: string };

export type Writer = {
  /**
   * The line with `value` in place of its own value, and with its EOL. The dialect's reader must return
   * exactly `value`, whatever the surrounding lines hold that `refuse` accepts. If no spelling does that, the
   * result is the reason. Spellings that the grammar reads the same come first. The others are only for
   * replies that are not expanded later, which functions/env/lines.ts ensures.
   */
  readonly write: (line: Assignment, value: string) => string | Unfit;
  /**
   * The lines of `written` for which no value would be read correctly, each with its reason. `kept` are the
   * unchanged lines, which may also affect how the reader reads other lines.
   */
  readonly refuse: (
    file: ParsedFile,
    written: ReadonlySet<Line>,
    kept: ReadonlySet<Line>,
  ) => ReadonlyMap<Line, Unfit>;
  /** Whether the reader may read an unchanged line differently from the grammar. */
  readonly disagrees: (file: ParsedFile, line: Line) => boolean;
  /**
   * What the reader finds in a line that it reads differently; `undefined` if that is not certain. The result
   * has no comment that the reader takes for a part of the value.
   */
  readonly found?: (line: Assignment) => ReadValue | undefined;
  /** If set, the reply holds only the assignments of the file, in this frame. */
  readonly frame?: { readonly open: string; readonly between: string; readonly close: string };
};

/**
 * The part of a file that the reader reads differently. `different`: another value, in a line that ends where
 * the grammar ends it. `lines below`: the reader may read the lines below as a part of this one. `whole
 * file`: it may give up the whole file, or find keys in it that the grammar does not know.
 */
export type Reading = 'same' | 'different' | 'lines below' | 'whole file';

export type Reader = {
  /** `marked`: the line follows a byte order mark. */
  readonly reads: (line: Line, marked: boolean) => Reading;
  /** Finds an unchanged line that affects the `whole file` only because of the other unchanged lines. */
  readonly clash?: (readings: ReadonlyMap<Line, Reading>) => Line | undefined;
  /** The reason why no value can be written in this line, if there is one. */
  readonly unfit: (line: Assignment, marked: boolean) => UnfitReason | undefined;
};

/** Makes `refuse` and `disagrees` of a writer from the classification of single lines. */
export const checksOf = ({ reads, clash, unfit }: Reader): Pick<Writer, 'refuse' | 'disagrees'> => {
  const isMarked = (file: ParsedFile, line: Line) => file.bom && line === file.lines[0];
  return {
    disagrees: (file, line) => reads(line, isMarked(file, line)) !== 'same',
    refuse: (file, written, kept) => {
      const refused = new Map<Line, Unfit>();
      if (written.size === 0) return refused;
      const readings = new Map([...kept].map((line) => [line, reads(line, isMarked(file, line))]));
      let cause =
        file.lines.find((line) => readings.get(line) === 'whole file') ?? clash?.(readings);
      for (const line of file.lines) {
        if (readings.get(line) === 'lines below') cause ??= line;
        if (line.kind !== 'assignment' || !written.has(line)) continue;
        const reason = unfit(line, isMarked(file, line));
        if (reason !== undefined) refused.set(line, { reason });
        else if (cause) refused.set(line, { reason: 'other_line', causeLine: cause.line });
      }
      return refused;
    },
  };
};

/** Whether a value needs no quotes for any reader, like a name or a number. */
export const isPlain = (value: string): boolean =>
  /^[A-Za-z0-9_./:@%+,-][A-Za-z0-9_./:@%+,=-]*$/.test(value);

/** The line with a new spelling of its value, without blanks around the equals sign. */
export const withSpelling = (line: Assignment, spelled: string): string => {
  const { indent, exported, key, afterValue, comment, eol } = line;
  return `${indent}${exported}${key}=${spelled}${afterValue}${comment}${eol}`;
};

/** Whether a backslash would escape the closing quote, for a reader that knows this escape. */
export const endsInOddBackslash = (raw: string): boolean => {
  let at = raw.length;
  while (at > 0 && raw[at - 1] === '\\') at--;
  return (raw.length - at) % 2 === 1;
};
