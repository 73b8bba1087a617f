/**
 * Node's `--env-file` and npm dotenv, which must both read the same. Neither has an escape for
 * quotes, so a value that contains every kind of quote or ends with a backslash can be written only
 * if it needs no quotes. A CR cannot be written: the two readers take it for the end of a line, or
 * drop it.
 */
import type { Assignment, Line } from '../grammar.ts';
import { checksOf, isPlain, type Reader, type Reading, type Writer } from './writer.ts';

/**
 * Returns the value as it is written in the file; `undefined` if that is impossible. Tries
 * spellings from which the vault's grammar reads the same value first, then those that only suit a
 * final reply.
 */
const spell = (value: string): string | undefined => {
  if (isPlain(value)) return value;
  if (value === '') return "''";
  // npm dotenv takes a backslash before the closing quote for an escape.
  if (value.endsWith('\\')) return standsBare(value) ? value : undefined;
  if (!value.includes("'")) return `'${value}'`;
  if (!/["\\]/.test(value)) return `"${value}"`;
  if (standsBare(value)) return value;
  if (!/"|\\[nr]/.test(value)) return `"${value}"`;
  return value.includes('`') ? undefined : `\`${value}\``;
};

const standsBare = (value: string): boolean =>
  !/^['"`]|[#\n]/.test(value) && !lineSeparator.test(value) && value.trim() === value;

export const writeForNode: Writer['write'] = (line, value) => {
  if (value.includes('\0')) return { reason: 'nul' };
  if (value.includes('\r')) return { reason: 'carriage_return' };
  const spelled = spell(value);
  if (spelled === undefined) return { reason: 'quotes' };
  const { indent, exported, key, afterValue, comment, eol } = line;
  // Node recognises `export` only with a space after it.
  const head = `${indent}${exported === '' ? '' : 'export '}${key}`;
  return `${head}=${spelled}${afterValue}${comment}${eol}`;
};

/**
 * npm dotenv searches for keys at the beginnings of lines. For it, these characters end a line too.
 */
const lineSeparator = /[\u2028\u2029]/;

/** How Node and npm dotenv read an unchanged line. */
export const readByNode: Reader['reads'] = (line, marked) => {
  if (lineSeparator.test(outsideQuotes(line))) return 'whole file';
  if (line.kind !== 'assignment') return otherReads(line.text, marked);
  const reading = valueReads(line);
  if (reading !== 'same') return reading;
  const { exported, key, value } = line;
  // Node takes `export` for a part of the key if a tab follows it or the value is empty.
  const alien = exported.includes('\t') || (exported !== '' && value.quote + value.raw === '');
  return marked || alien || key === '__proto__' ? 'different' : 'same';
};

const outsideQuotes = (line: Line): string => {
  if (line.kind !== 'assignment') return line.text;
  return (line.value.quote === '' ? line.value.raw : '') + line.comment;
};

/** If a comment does not begin at the start of its line, Node may take it for a key and a value. */
const otherReads = (text: string, marked: boolean): Reading => {
  if (text.startsWith('#') && !marked) return 'same';
  if (/=[ \t]*(?:['"`]|$)/.test(text)) return 'lines below';
  return marked || text.includes('=') ? 'different' : 'same';
};

const valueReads = (line: Assignment): Reading => {
  const { quote, raw } = line.value;
  if (quote === '') return bareReads(line, raw);
  // npm dotenv ends the value at a quote without a backslash before it, Node at any quote.
  const endsEarly = quote === '"' && raw.includes('\\"');
  if (endsEarly && raw.includes('\n')) return 'whole file';
  if (raw.endsWith('\\')) return 'lines below';
  if (quote === "'") return raw.includes('\r') ? 'different' : 'same';
  if (endsEarly) return 'different';
  return /\r|\\[^n]/.test(raw) ? 'different' : 'same';
};

const bareReads = ({ afterValue, comment }: Assignment, raw: string): Reading => {
  // If the value is empty and blanks follow the `=`, Node looks for the value on the next line.
  if (raw === '') return comment === '' && afterValue !== '' ? 'lines below' : 'same';
  // After a blank that only npm dotenv recognises, a quote may open a value.
  if (/^\s/.test(raw)) return 'lines below';
  if (raw.startsWith('`')) return /^`[^\\]*`/.test(raw) ? 'different' : 'lines below';
  return /#|\s$/.test(raw) ? 'different' : 'same';
};

export const unfitForNode: Reader['unfit'] = (line, marked) => {
  if (marked) return 'byte_order_mark';
  // `__proto__`: both readers return objects, in which this is not an ordinary property.
  if (line.key === '__proto__') return 'key';
  return lineSeparator.test(line.comment) ? 'comment' : undefined;
};

export const node: Writer = {
  write: writeForNode,
  expands: () => false,
  ...checksOf({ reads: readByNode, unfit: unfitForNode }),
};
