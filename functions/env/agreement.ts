/**
 * Checks that the reader of a dialect reads a file as the vault does. A disagreement is a line
 * without a reference that the reader may read differently. A refusal is a line with a reference,
 * which an expansion would rewrite, but on which the reader would read no value correctly.
 */
import type { FileError, UnfitReason } from '../model/errors.ts';
import { type Dialect, writerOf } from './dialects/dialect.ts';
import { errorsAt, type Fault } from './faults.ts';
import { type Assignment, type Line, type ParsedFile, parseFile, printLine } from './grammar.ts';
import { unfitAt } from './plan.ts';
import { hasReference, scanFile } from './references.ts';

/**
 * A line that a dialect's reader reads differently from the vault. `reason` says why that reader
 * reads no value on this line correctly; it is absent if it reads some values correctly.
 */
export type Disagreement = Pick<FileError, 'line' | 'column' | 'dialect' | 'causeLine'> & {
  readonly code: 'reader_disagrees';
  readonly reason?: UnfitReason;
};

export type ReadableFile = {
  readonly content: string;
  readonly file: ParsedFile;
  /** The lines that contain a reference, including escaped ones (`\secret(X)`). */
  readonly referring: ReadonlySet<Line>;
  readonly plain: ReadonlySet<Line>;
  /** The offset of a line's first reference, or of its value if it has none. */
  readonly offsetOf: (line: Assignment) => number;
  /**
   * The errors in the file's syntax and in its references. If there are any, the other fields must
   * not be used.
   */
  readonly errors: readonly FileError[];
};

export const readFile = (content: string): ReadableFile => {
  const file = parseFile(content);
  const firstOffsets = new Map<Line, number>();
  const faults: Fault[] = [];
  for (const { line, candidates } of scanFile(file).lines) {
    if (candidates[0]) firstOffsets.set(line, candidates[0].offset);
    for (const { kind, offset } of candidates) {
      if (kind === 'malformed') {
        faults.push({ offset, code: 'malformed_reference', key: line.key });
      }
    }
  }
  return {
    content,
    file,
    referring: new Set(firstOffsets.keys()),
    plain: new Set(file.lines.filter((line) => !firstOffsets.has(line))),
    offsetOf: (line) => firstOffsets.get(line) ?? startOf(line),
    errors: [...file.errors, ...errorsAt(content, faults)],
  };
};

const startOf = ({ value }: Assignment): number => value.offset - value.quote.length;

/**
 * Returns the lines of `among` that the dialect's reader may read differently from the vault. A
 * line counts unless it is certain that both read it alike.
 */
export const findDisagreements = (
  { content, file }: ReadableFile,
  dialect: Dialect,
  among: ReadonlySet<Line>,
): Disagreement[] => {
  const writer = writerOf(dialect);
  const found: (Pick<Disagreement, 'code' | 'dialect' | 'reason'> & { offset: number })[] = [];
  let start = file.bom ? 1 : 0;
  for (const line of file.lines) {
    if (among.has(line) && writer.disagrees(file, line)) {
      const reason = writer.refuse(file, new Set([line]), new Set()).get(line)?.reason;
      const offset = line.kind === 'assignment' && !reason ? startOf(line) : start;
      found.push({ offset, code: 'reader_disagrees', dialect, ...(reason && { reason }) });
    }
    start += printLine(line).length;
  }
  return errorsAt(content, found);
};

/**
 * A value in which the reader replaces a variable or runs a command, which the vault does not. If
 * the value also has a reference (`interpolated_reference`), no program can do both.
 */
export type Interpolation = Pick<FileError, 'line' | 'column'> & {
  readonly code: 'interpolated' | 'interpolated_reference';
  readonly key: string;
  readonly dialect: Dialect;
};

/**
 * Returns the values among these lines that the dialect's reader interpolates, unless the file has
 * errors.
 */
export const findInterpolations = (
  { content, file }: Pick<ReadableFile, 'content' | 'file'>,
  dialect: Dialect,
  among: Iterable<Line> = file.lines,
): readonly Interpolation[] => {
  if (file.errors.length > 0) return [];
  const { expands } = writerOf(dialect);
  const found = [...among].flatMap((line) => {
    if (line.kind !== 'assignment' || !expands(line)) return [];
    const code = hasReference(line) ? 'interpolated_reference' : 'interpolated';
    return [{ offset: startOf(line), code, key: line.key, dialect } as const];
  });
  return errorsAt(content, found);
};

/**
 * Returns the lines with a reference on which the dialect's reader would read no value correctly,
 * given that the other lines stay as they are.
 */
const findRefusals = (
  { content, file, plain, referring, offsetOf }: ReadableFile,
  dialect: Dialect,
): FileError[] => {
  const refused = [...writerOf(dialect).refuse(file, referring, plain)];
  const faults = refused.flatMap(([line, unfit]) =>
    line.kind === 'assignment' ? [unfitAt(offsetOf(line), line.key, dialect, unfit)] : [],
  );
  return errorsAt(content, faults);
};

/**
 * All lines of a file that a dialect's reader may read differently from the vault (disagreements),
 * or on which it could read no resolved value (refusals), in the order of the file.
 */
export const findDifferences = (
  source: ReadableFile,
  dialect: Dialect,
): readonly (Disagreement | FileError)[] => {
  const found = [
    ...findDisagreements(source, dialect, source.plain),
    ...findRefusals(source, dialect),
  ];
  return found.sort((a, b) => a.line - b.line || a.column - b.column);
};
