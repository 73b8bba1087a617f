/** How npm dotenv and Node read a line that nobody wrote for them; both must read it the same. */
import type { Assignment, Line } from '../grammar.ts';
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
  const { quote, raw, decoded } = line.value;
  // In a kept value dotenv-expand may put together a command, and the text of a secret in it.
  if (/\$\$\{?[A-Za-z_]/.test(decoded)) return 'everywhere';
  if (decoded.includes('$(') && /\$[^(]/.test(decoded)) return 'everywhere';
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
