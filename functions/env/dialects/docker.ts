/**
 * `docker run --env-file`, read by the package `kvfile` of docker/cli. Every line is a key, `=`, and the
 * value up to the line's end, with all its blanks, quotes and number signs. So a written line has no `export`
 * and no comment; the comment moves to its own line above. A value of several lines cannot be written, and
 * neither can a line that is longer than the reader's buffer.
 */
import { type Assignment, type Line, printLine } from '../grammar.ts';
import { utf8Bytes } from '../sizes.ts';
import type { ReadValue, Writer } from './writer.ts';
import { checksOf, type Reading } from './writer.ts';

/** The bytes of a line with its CR and without its LF: Go's bufio.MaxScanTokenSize must hold both. */
const lineBytesMax = 65_535;
const markBytes = 3;

const isTooLong = (line: string, marked: boolean): boolean =>
  utf8Bytes(line) + (marked ? markBytes : 0) > lineBytesMax;

const write = (line: Assignment, value: string): ReturnType<Writer['write']> => {
  if (value.includes('\0')) return { reason: 'nul' };
  if (value.includes('\n')) return { reason: 'line_feed' };
  const { indent, key, comment } = line;
  const above = comment === '' ? '' : `${indent}${comment}${line.eol || '\n'}`;
  // Docker drops one CR before the LF, so a value that ends in CR needs two.
  const eol = value.endsWith('\r') ? '\r\n' : line.eol;
  const assignment = `${indent}${key}=${value}`;
  const text = above + assignment + eol;
  // The line may be the first of the file, after a byte order mark.
  return text.split('\n').some((one) => isTooLong(one, true)) ? { reason: 'too_long' } : text;
};

/** Docker reads nothing of a file with a line that it cannot read. */
const reads = (line: Line, marked: boolean): Reading => {
  if (isTooLong(printLine(line).replace(/\n$/, ''), marked)) return 'whole file';
  if (line.kind !== 'assignment') return 'same';
  const { value, exported, beforeEquals, afterEquals, afterValue, comment } = line;
  if (exported !== '' || beforeEquals !== '' || value.raw.includes('\n')) return 'whole file';
  const bare = value.quote === '' && afterEquals === '' && afterValue === '' && comment === '';
  return bare ? 'same' : 'different';
};

/** Docker's value is all that follows the first equals sign. */
const found = (line: Assignment): ReadValue | undefined => {
  if (reads(line, true) !== 'different') return undefined;
  const { value, afterEquals, afterValue, comment } = line;
  const { quote, raw } = value;
  return {
    line: { ...line, afterValue: '', comment: '' },
    value: afterEquals + quote + raw + quote + afterValue + comment,
  };
};

export const docker: Writer = { write, found, ...checksOf({ reads, unfit: () => undefined }) };
