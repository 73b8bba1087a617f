/** Converts a file from one dialect to another. */
import type { FileError } from '../model/errors.ts';
import {
  type Disagreement,
  findDisagreements,
  findRefusals,
  type ReadableFile,
  readFile,
} from './agreement.ts';
import { type Dialect, writerOf } from './dialects/dialect.ts';
import type { ReadValue, Unfit } from './dialects/writer.ts';
import { byteOrderMark, errorsAt, type Fault } from './faults.ts';
import { type Line, printLine } from './grammar.ts';
import { isReadAgain } from './lines.ts';
import { unfitAt } from './plan.ts';
import { findCandidates } from './references.ts';

export type Conversion = {
  readonly content: string;
  /**
   * The errors of the original file or of its lines that cannot be converted. If there are any,
   * `content` must not be used.
   */
  readonly errors: readonly (FileError | Disagreement)[];
};

type Readers = {
  /**
   * The dialect whose reader reads the existing file. If undefined, the file means what the vault
   * reads.
   */
  readonly from: Dialect | undefined;
  readonly to: Dialect;
};

/**
 * Rewrites a file for the reader of `to`. A line is an error if it is not certain what the reader
 * of `from` finds there, or if the reader of `to` cannot read that value. Lines that both readers
 * read as the vault does stay as they are. So do references, because `expand` writes their values
 * for the reader. The vault reads a file with references again, so its other lines must be written
 * in a way that the vault reads correctly too.
 */
export const convertFile = (content: string, { from, to }: Readers): Conversion => {
  const source = readFile(content);
  if (source.errors.length > 0) return { content, errors: source.errors };
  const given = from ? differentValues(source, from) : new Map<Line, ReadValue>();
  const certain = new Set([...source.plain].filter((line) => !given.has(line)));
  const unclear = from ? findDisagreements(source, from, certain) : [];
  return unclear.length > 0 ? { content, errors: unclear } : write(source, to, given);
};

/** The values on lines that the reader certainly reads, but differently from the vault. */
export const differentValues = (
  { file, plain }: ReadableFile,
  from: Dialect,
): Map<Line, ReadValue> => {
  const { disagrees, found } = writerOf(from);
  const values = new Map<Line, ReadValue>();
  for (const line of plain) {
    if (line.kind !== 'assignment' || !disagrees(file, line)) continue;
    const other = found?.(line);
    // The vault finds no reference on this line now. It would find one if this value were written
    // in a way that the vault reads correctly, so the value is left out.
    if (other && findCandidates(other.value).length === 0) values.set(line, other);
  }
  return values;
};

const write = (
  source: ReadableFile,
  to: Dialect,
  given: ReadonlyMap<Line, ReadValue>,
): Conversion => {
  const { content, file, plain, referring, offsetOf } = source;
  const writer = writerOf(to);
  const isChanged = (line: Line) =>
    given.has(line) ||
    (line.kind === 'assignment' && (writer.frame !== undefined || writer.disagrees(file, line)));
  const changed = new Set([...plain].filter(isChanged));
  const kept = new Set([...plain].filter((line) => !changed.has(line)));
  const alien = findDisagreements(source, to, kept);
  if (alien.length > 0) return { content, errors: alien };

  /**
   * Returns the new text of a line, or the reason why it cannot be written; `undefined` for a line
   * without an assignment, such as a comment, if the target format cannot hold it.
   */
  const textOf = (line: Line): string | Unfit | undefined => {
    if (line.kind === 'assignment' && changed.has(line)) {
      const { line: own, value } = given.get(line) ?? { line, value: line.value.decoded };
      const text = writer.write(own, value);
      if (referring.size === 0 || writer.frame || typeof text !== 'string') return text;
      return isReadAgain(text, value) ? text : { reason: 'expanded_later' };
    }
    if (!writer.frame) return printLine(line);
    return line.kind === 'assignment' ? { reason: 'expanded_later' } : undefined;
  };
  const texts: string[] = [];
  const unfit: Fault[] = [];
  for (const line of file.lines) {
    const text = textOf(line);
    if (typeof text === 'string') texts.push(text);
    else if (text && line.kind === 'assignment') {
      unfit.push(unfitAt(offsetOf(line), line.key, to, text));
    }
  }
  const mark = file.bom ? byteOrderMark : '';
  const { open, between, close } = writer.frame ?? { open: mark, between: '', close: '' };
  const refusals = findRefusals(source, to, new Set([...changed, ...referring]), kept);
  return {
    content: open + texts.join(between) + close,
    errors: [...refusals, ...errorsAt(content, unfit)],
  };
};
