/**
 * `docker run --env-file`, read by the package `kvfile` of docker/cli. Every line is a key, `=`,
 * and the value up to the end of the line, including all blanks, quotes and number signs. So a line
 * is written without `export` and without its comment, which moves to a line above. Values with a
 * line feed cannot be written, nor can lines longer than the reader's buffer.
 */
import { type Assignment, type Line, printLine } from '../grammar.ts';
import { utf8Bytes } from '../sizes.ts';
import type { ReadValue, Writer } from './writer.ts';
import { checksOf, type Reading } from './writer.ts';

/**
 * The most bytes that a line may have, counted with its CR and without its LF. Together with its
 * LF, the line must fit in Go's bufio.MaxScanTokenSize.
 */
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
  // Allow for a byte order mark, because this line may be the first of the file.
  return text.split('\n').some((one) => isTooLong(one, true)) ? { reason: 'too_long' } : text;
};

/** If Docker cannot read a line, it rejects the whole file. */
const reads = (line: Line, marked: boolean): Reading => {
  if (isTooLong(printLine(line).replace(/\n$/, ''), marked)) return 'whole file';
  if (line.kind !== 'assignment') return 'same';
  const { value, exported, beforeEquals, afterEquals, afterValue, comment } = line;
  if (exported !== '' || beforeEquals !== '' || value.raw.includes('\n')) return 'whole file';
  const bare = value.quote === '' && afterEquals === '' && afterValue === '' && comment === '';
  return bare ? 'same' : 'different';
};

/** Docker's value is everything after the first equals sign. */
const found = (line: Assignment): ReadValue | undefined => {
  if (reads(line, true) !== 'different') return undefined;
  const { value, afterEquals, afterValue, comment } = line;
  const { quote, raw } = value;
  return {
    line: { ...line, afterValue: '', comment: '' },
    value: afterEquals + quote + raw + quote + afterValue + comment,
  };
};

export const docker: Writer = {
  write,
  found,
  expands: () => false,
  ...checksOf({ reads, unfit: () => undefined }),
};
