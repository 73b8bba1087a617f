/**
 * PHP's phpdotenv (vlucas/phpdotenv), which Laravel loads. It reads a file line by line. Only a
 * value right after `="` may span several lines. But it looks for `="` anywhere in a line, and if
 * the line has no second quote, a value begins there. So values that are not plain are written on
 * one line, in double quotes.
 */
import { type Assignment, type Line, printLine } from '../grammar.ts';
import {
  isPlain,
  type Reading,
  type Writer,
  withOwnComment,
  withSpelling,
  writerFrom,
} from './writer.ts';

const write: Writer['write'] = (line, value) => {
  if (value.includes('\0')) return { reason: 'nul' };
  // If the comment has a quote, the line needs two more, so that a `="` in the comment does not
  // begin a value.
  if (isPlain(value) && !line.comment.includes('"')) return withSpelling(line, value);
  const text = value
    .replace(/[\\"$]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r');
  return withSpelling(line, `"${text}"`);
};

/** If phpdotenv cannot read a line, it rejects the whole file. */
const reads = (line: Line): Reading => {
  const spans = line.kind === 'assignment' && /[\n\r]/.test(line.value.raw);
  if (spans ? !isSpanned(line) : opensValue(printLine(line))) return 'whole file';
  if (line.kind !== 'assignment') return 'same';
  const { quote, raw, decoded } = line.value;
  if (quote === '"' && raw.replaceAll('\\\\', '').includes('\\`')) return 'whole file';
  if (quote === '' && /[ \t\v\f]/.test(withOwnComment(line).value.raw)) return 'whole file';
  return readValue(line) === decoded ? 'same' : 'different';
};

/** Whether phpdotenv, also before 5.7, ends a value of several lines where the grammar does. */
const isSpanned = (line: Assignment): boolean => {
  const { value, afterEquals, afterValue, comment } = line;
  if (value.quote !== '"' || afterEquals !== '') return false;
  const [, backslashes] = /[\n\r]((?:\\\\)*)$/.exec(value.raw) ?? [];
  return backslashes === undefined || backslashes + afterValue + comment === '';
};

/**
 * Whether phpdotenv takes the next lines for a part of the value. Before 5.7, it does so in
 * comments too.
 */
const opensValue = (text: string): boolean =>
  text.includes('="') && (text.replaceAll('\\\\', '').match(/(?<!\\)"/g)?.length ?? 0) < 2;

/** The value that phpdotenv finds; `undefined` if that depends on another variable. */
const readValue = (line: Assignment): string | undefined => {
  const { raw, decoded } = withOwnComment(line).value;
  return raw.includes('\r') || expands(line) ? undefined : decoded;
};

const expands = (line: Assignment): boolean => {
  const { quote, raw } = withOwnComment(line).value;
  const literal = quote === '"' ? raw.replace(/\\./gs, ' ') : raw;
  return quote !== "'" && /\$\{[\w.]+\}/.test(literal);
};

export const php = writerFrom({ write, reads, readValue, expands });
