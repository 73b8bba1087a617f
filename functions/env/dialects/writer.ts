/**
 * The writer of a dialect. It writes values for the program that reads such files (the reader), and
 * knows how that reader reads. Each unchanged line is judged on its own, and counts as `same` only
 * if the reader certainly reads it as the vault does.
 */
import type { UnfitReason } from '../../model/errors.ts';
import type { Assignment, Line, ParsedFile } from '../grammar.ts';

export type Unfit = {
  readonly reason: UnfitReason;
  /**
   * The number of the line that causes the error, if that is another line. Only with the reason
   * `other_line`.
   */
  readonly causeLine?: number;
};

export type ReadValue = { readonly line: Assignment; readonly value: string };

export type Writer = {
  /**
   * Returns the line, including its EOL, with `value` in place of its own value. The dialect's
   * reader must return exactly `value`, whatever the surrounding lines contain, as long as `refuse`
   * accepts them. If no text does that, returns the reason. If the grammar reads the same value
   * from one of the texts that do, returns such a text. Otherwise the result is only for replies
   * that are not expanded later, which functions/env/lines.ts ensures.
   */
  readonly write: (line: Assignment, value: string) => string | Unfit;
  /**
   * The lines of `written` on which no value would be read correctly, each with its reason. `kept`
   * are the unchanged lines, which may also affect how the reader reads other lines.
   */
  readonly refuse: (
    file: ParsedFile,
    written: ReadonlySet<Line>,
    kept: ReadonlySet<Line>,
  ) => ReadonlyMap<Line, Unfit>;
  /** Whether the reader may read an unchanged line differently from the grammar. */
  readonly disagrees: (file: ParsedFile, line: Line) => boolean;
  /**
   * Whether the reader replaces a variable in the value of an unchanged line, or runs a command in
   * it. The grammar does neither.
   */
  readonly expands: (line: Assignment) => boolean;
  /**
   * Returns the value that the dialect's reader finds on a line that it reads differently from the
   * grammar; `undefined` if that is not certain. If the reader takes a comment for a part of the
   * value, the returned line does not have that comment.
   */
  readonly found?: (line: Assignment) => ReadValue | undefined;
  /** If set, the reply consists of only the assignments of the file, in this frame. */
  readonly frame?: { readonly open: string; readonly between: string; readonly close: string };
};

/**
 * How much of a file the dialect's reader reads differently from the grammar because of one line.
 * `different`: another value, but the line ends where the grammar ends it. `lines below`: the
 * reader may take the lines below for a part of this one. `whole file`: it may reject the whole
 * file, or find keys in it that the grammar does not know.
 */
export type Reading = 'same' | 'different' | 'lines below' | 'whole file';

export type Reader = {
  /** How the reader reads an unchanged line. `marked`: the line follows a byte order mark. */
  readonly reads: (line: Line, marked: boolean) => Reading;
  /**
   * Returns an unchanged line that, together with other unchanged lines, makes the reader read the
   * whole file differently; `undefined` if there is none.
   */
  readonly clash?: (readings: ReadonlyMap<Line, Reading>) => Line | undefined;
  /** The reason why no value can be written on this line, if there is one. */
  readonly unfit: (line: Assignment, marked: boolean) => UnfitReason | undefined;
};

/**
 * Makes the functions `refuse` and `disagrees` of a writer from a reader, which judges single
 * lines.
 */
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

/**
 * Makes a writer for a reader for which no line by itself is unfit for a value. `readValue` returns
 * the value that the reader finds on an unchanged line; `undefined` if that is not certain.
 */
export const writerFrom = ({
  write,
  reads,
  readValue,
  expands,
}: Pick<Writer, 'write' | 'expands'> & {
  readonly reads: (line: Line) => Reading;
  readonly readValue: (line: Assignment) => string | undefined;
}): Writer => ({
  write,
  expands,
  found: (line) => {
    const value = reads(line) === 'different' ? readValue(line) : undefined;
    return value === undefined ? undefined : { line: withOwnComment(line), value };
  },
  ...checksOf({ reads, unfit: () => undefined }),
});

/**
 * Whether a value, such as a name or a number, can be written without quotes. That is right for
 * every reader except zsh, for which shell.ts makes one more check. A comment after the value can
 * also be a reason for quotes, which the dialects check themselves.
 */
export const isPlain = (value: string): boolean =>
  /^[A-Za-z0-9_./:@%+,-][A-Za-z0-9_./:@%+,=-]*$/.test(value);

/** The line with its value written as `spelled`, and without blanks around the equals sign. */
export const withSpelling = (line: Assignment, spelled: string): string => {
  const { indent, exported, key, afterValue, comment, eol } = line;
  return `${indent}${exported}${key}=${spelled}${afterValue}${comment}${eol}`;
};

/** The line as seen by a reader for which every number sign outside quotes begins a comment. */
export const withOwnComment = (line: Assignment): Assignment => {
  const { value, afterValue, comment } = line;
  const raw = value.quote === '' ? value.raw.replace(/#.*/s, '') : value.raw;
  if (raw === value.raw) return line;
  const own = value.raw.slice(raw.length) + afterValue + comment;
  return { ...line, value: { ...value, raw, decoded: raw }, afterValue: ' ', comment: own };
};

/** Whether a backslash would escape the closing quote, for a reader that has this escape. */
export const endsInOddBackslash = (raw: string): boolean => {
  let at = raw.length;
  while (at > 0 && raw[at - 1] === '\\') at--;
  return (raw.length - at) % 2 === 1;
};
