/**
 * How a reader reads lines that nobody wrote for it, and what follows for the lines that are written.
 * Judged by one line alone, carefully rather than exactly: `alike` only where that is plain.
 */
import type { UnfitReason } from '../../model/errors.ts';
import type { Assignment, Line, ParsedFile } from '../grammar.ts';
import type { Unfit, Writer } from './writer.ts';

/**
 * `alike`: as the grammar does. `otherwise`: differently, but to the line's end and no further.
 * `below`: what stands below may be read as a part of it. `everywhere`: the reader may give the whole
 * file up, or find keys in it that the grammar does not know.
 */
export type Reading = 'alike' | 'otherwise' | 'below' | 'everywhere';

export type Reader = {
  /** `marked`: the line stands after a byte order mark. */
  readonly reads: (line: Line, marked: boolean) => Reading;
  /** Of lines that come back as they are, one that is read `everywhere` beside the others, not alone. */
  readonly clash?: (readings: ReadonlyMap<Line, Reading>) => Line | undefined;
  /** Why no value at all can stand in a line that is written, if so. */
  readonly unfit: (line: Assignment, marked: boolean) => UnfitReason | undefined;
};

/** The two judgements of a writer, made of what its reader makes of single lines. */
export const judge = ({ reads, clash, unfit }: Reader): Pick<Writer, 'refuse' | 'disagrees'> => {
  const isMarked = (file: ParsedFile, line: Line) => file.bom && line === file.lines[0];
  return {
    disagrees: (file, line) => reads(line, isMarked(file, line)) !== 'alike',
    refuse: (file, written, kept) => {
      const refused = new Map<Line, Unfit>();
      if (written.size === 0) return refused;
      const readings = new Map([...kept].map((line) => [line, reads(line, isMarked(file, line))]));
      let cause =
        file.lines.find((line) => readings.get(line) === 'everywhere') ?? clash?.(readings);
      for (const line of file.lines) {
        if (readings.get(line) === 'below') cause ??= line;
        if (line.kind !== 'assignment' || !written.has(line)) continue;
        const reason = unfit(line, isMarked(file, line));
        if (reason !== undefined) refused.set(line, { reason });
        else if (cause) refused.set(line, { reason: 'other_line', causeLine: cause.line });
      }
      return refused;
    },
  };
};

/** Names and figures need no quotes for any reader, and no other spelling looks as familiar. */
export const isPlain = (value: string): boolean =>
  /^[A-Za-z0-9_./:@%+,-][A-Za-z0-9_./:@%+,=-]*$/.test(value);

/** The line with another spelling of its value, without blanks around the equals sign. */
export const withSpelling = (line: Assignment, spelled: string): string => {
  const { indent, exported, key, afterValue, comment, eol } = line;
  return `${indent}${exported}${key}=${spelled}${afterValue}${comment}${eol}`;
};

/** Whether a backslash stands for the quote that closes a value, where a reader knows that escape. */
export const endsInOddBackslash = (raw: string): boolean => {
  let at = raw.length;
  while (at > 0 && raw[at - 1] === '\\') at--;
  return (raw.length - at) % 2 === 1;
};
