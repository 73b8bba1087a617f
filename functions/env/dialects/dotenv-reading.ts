/** How npm dotenv and Node read a line that nobody wrote for them; both must read it the same. */
import { type Assignment, type Line, printLine } from '../grammar.ts';
import type { Reading } from './reading.ts';

/** npm dotenv searches for keys at the beginnings of lines, also behind these. */
export const lineSeparator = /[\u2028\u2029]/;

export const dotenvReads = (line: Line, marked: boolean): Reading => {
  if (lineSeparator.test(outsideQuotes(line))) return 'everywhere';
  if (line.kind !== 'assignment') return otherReads(line.text, marked);
  const reading = valueReads(line);
  if (reading !== 'alike') return reading;
  const { exported, key, value } = line;
  // Node takes `export` for a part of the key, behind a tab and before nothing.
  const alien = exported.includes('\t') || (exported !== '' && value.quote + value.raw === '');
  return marked || alien || key === '__proto__' ? 'otherwise' : 'alike';
};

/**
 * dotenv-expand replaces a name by its value, searches what it has put together from the beginning, and
 * runs what is a command then. In a value that is not loose a letter, a brace, or what has no meaning
 * follows each `$` and will still follow it after any replacement by such values, and the names in
 * it are those that one sees. So where none is loose, no text becomes a name or a command that was none.
 * Loose is a `$` at the end, or before what makes a command, another `$`, a pattern of replacements
 * (`$&`), or a name that is still to be put together; and a backslash that may become an escape.
 * npm dotenv cuts a bare value off at a number sign and trims it.
 */
const isLoose = (raw: string): boolean =>
  /\$(?:[$(&'`}]|\{(?![A-Za-z_]\w*[}:+-])|\s*(?:#|$))|\\(?:[$}]|\s*(?:#|$))/.test(raw);

const namesReadBy = (raw: string): string[] =>
  [...raw.matchAll(/\$\{?([A-Za-z_]\w*)/g)].map(([, name = '']) => name);

/**
 * Of lines that come back as they are, the first that dotenv-expand is not to meet beside the others: a
 * loose one that another reads, or one that may take the text of others, where any of them has a name to
 * read. A loose line that nobody reads is its author's affair.
 */
export const clashAmong = (readings: ReadonlyMap<Line, Reading>): Line | undefined => {
  const kept = [...readings.keys()];
  const assignments = kept.filter((line) => line.kind === 'assignment');
  const read = new Set(assignments.flatMap(({ value }) => namesReadBy(value.raw)));
  const isNamed = kept.some((line) => namesReadBy(printLine(line)).length > 0);
  return kept.find((line) => {
    if (readings.get(line) === 'below') return isNamed;
    return line.kind === 'assignment' && read.has(line.key) && isLoose(line.value.raw);
  });
};

const outsideQuotes = (line: Line): string => {
  if (line.kind !== 'assignment') return line.text;
  return (line.value.quote === '' ? line.value.raw : '') + line.comment;
};

/** Node may take a comment that does not begin its line for a key and its value. */
const otherReads = (text: string, marked: boolean): Reading => {
  if (text.startsWith('#') && !marked) return 'alike';
  if (/=[ \t]*(?:['"`]|$)/.test(text)) return 'below';
  return marked || text.includes('=') ? 'otherwise' : 'alike';
};

const valueReads = (line: Assignment): Reading => {
  const { quote, raw } = line.value;
  if (isLoose(raw) && namesReadBy(raw).length > 0) return 'everywhere';
  if (quote === '') return bareReads(line, raw);
  // Both look for a quote without a backslash before it, Node for any.
  if (raw.endsWith('\\')) return 'below';
  if (quote === "'") return raw.includes('\r') ? 'otherwise' : 'alike';
  if (raw.includes('\\"')) return raw.includes('\n') ? 'everywhere' : 'otherwise';
  return /\r|\\[^n]/.test(raw) ? 'otherwise' : 'alike';
};

const bareReads = ({ afterValue, comment }: Assignment, raw: string): Reading => {
  // Node goes on to the next line for the value.
  if (raw === '') return comment === '' && afterValue !== '' ? 'below' : 'alike';
  // Behind a blank that only npm dotenv knows, a quote may open a value.
  if (/^\s/.test(raw)) return 'below';
  if (raw.startsWith('`')) return /^`[^\\]*`/.test(raw) ? 'otherwise' : 'below';
  return /#|\s$/.test(raw) ? 'otherwise' : 'alike';
};
