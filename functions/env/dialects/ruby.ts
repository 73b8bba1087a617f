/**
 * The Ruby gem dotenv, which Rails loads. Single quotes keep everything, but a backslash before the
 * closing quote escapes it. Elsewhere the gem drops backslashes, replaces `$NAME`, and runs `$(…)`,
 * which a backslash does not always prevent. It reads every CR as LF.
 */
import type { Assignment, Line } from '../grammar.ts';
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
  if (value.includes('\r')) return { reason: 'carriage_return' };
  if (isPlain(value)) return withSpelling(line, value);
  if (!/'|\\$/.test(value)) return withSpelling(line, `'${value}'`);
  if (value.includes('$(')) return { reason: 'expansion' };
  // Whether `\\n` in double quotes is a line feed depends on the gem's version and settings.
  if (!/\\(?:[nr]|$)/.test(value)) {
    return withSpelling(line, `"${value.replace(/[\\$"]/g, '\\$&')}"`);
  }
  if (/[#\n]|[ \t\v\f]$/.test(value)) return { reason: 'quotes' };
  return withSpelling(line, value.replace(/[\\$]|^[ \t\v\f'"]/g, '\\$&'));
};

const reads = (line: Line): Reading => {
  if (line.kind !== 'assignment') return 'same';
  const { quote, raw, decoded } = line.value;
  // Before a value, the gem skips more kinds of blanks than the grammar, and may then find a quote.
  // A quote that it considers open may end in any value below, and it then finds other keys after
  // that.
  if (quote === '' ? /^[\v\f]/.test(raw) : raw.endsWith('\\')) return 'whole file';
  // The gem gives up at an exported name without a value.
  if (line.exported !== '' && /^(?:#|$)/.test(quote + raw + line.afterValue)) return 'whole file';
  // The gem runs a command with the values of the names in it, and gives up if there is no such
  // program.
  if (quote !== "'" && /(?<!\\)\$\(/.test(withoutBackslashes(raw))) return 'whole file';
  return readValue(line) === decoded ? 'same' : 'different';
};

/**
 * Matches the beginning of a `$NAME` or `${NAME}` that the gem replaces. The gem ignores case, so
 * two letters outside ASCII match as well: U+017F matches `s`, and U+212A matches `k`.
 */
const name = /\$\{?[\w\u017f\u212a]/;

const withoutBackslashes = (text: string): string => text.replace(/\\([^$])/g, '$1');

/** The value that the gem finds; `undefined` if that depends on its version or on another line. */
const readValue = (line: Assignment): string | undefined => {
  const { quote, raw } = withOwnComment(line).value;
  const lines = raw.replace(/\r\n?/g, '\n');
  if (quote === "'") return lines;
  if (quote === '"' ? /\\[nr]/.test(lines) : /[\v\f]$/.test(lines)) return undefined;
  const text = withoutBackslashes(lines);
  return expandsText(text) ? undefined : text.replaceAll('\\$', '$');
};

const expandsText = (text: string): boolean =>
  text.includes('$(') || name.test(text.replaceAll('\\$', ''));

const expands = (line: Assignment): boolean => {
  const { quote, raw } = withOwnComment(line).value;
  return quote !== "'" && expandsText(withoutBackslashes(raw));
};

export const ruby = writerFrom({ write, reads, readValue, expands });
