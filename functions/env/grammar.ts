/**
 * The lossless grammar of `.env` files: `printFile(parseFile(text)) === text` for every text that
 * is well-formed UTF-16, even a file with errors. Both functions take time and memory linear in the
 * length of the text. The grammar does not know references.
 */
import type { FileError } from '../model/errors.ts';
import { byteOrderMark, errorsAt, type Fault } from './faults.ts';

type Quote = '' | "'" | '"';

/** LF and CRLF end a line. A CR alone does not, and outside quotes it is an error. */
type Eol = '\n' | '\r\n' | '';

export type Value = {
  readonly quote: Quote;
  /** The text between the quotes, as written. */
  readonly raw: string;
  /** The offset of `raw` in the file, in code units. */
  readonly offset: number;
  readonly decoded: string;
  /**
   * The offsets in `decoded` of the characters that are written as an escape, in ascending order.
   */
  readonly escapes: readonly number[];
};

export type Assignment = {
  readonly kind: 'assignment';
  /** The number of the first physical line, counted from 1. */
  readonly line: number;
  readonly indent: string;
  /** `export` and the blanks after it, or empty. */
  readonly exported: string;
  readonly key: string;
  readonly beforeEquals: string;
  readonly afterEquals: string;
  readonly value: Value;
  readonly afterValue: string;
  /** The comment from its `#` on, or empty. */
  readonly comment: string;
  readonly eol: Eol;
};

/**
 * A blank line, a comment, or a line that could not be parsed, which then has an entry in `errors`.
 */
type OtherLine = {
  readonly kind: 'blank' | 'comment' | 'unreadable';
  readonly line: number;
  readonly text: string;
  /** The key of an unreadable line, if it has one. */
  readonly key?: string;
  readonly eol: Eol;
};

export type Line = Assignment | OtherLine;

export type ParsedFile = {
  readonly bom: boolean;
  readonly lines: readonly Line[];
  readonly errors: readonly FileError[];
};

/** The offset in the file of the character at `offset` in the decoded value. */
export const rawOffset = (value: Value, offset: number): number => {
  let low = 0;
  let high = value.escapes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((value.escapes[middle] ?? offset) < offset) low = middle + 1;
    else high = middle;
  }
  return value.offset + offset + low;
};

/**
 * Never throws: all errors are in `errors`, and `lines` contains every character except a byte
 * order mark at the start, which sets `bom`.
 */
export const parseFile = (text: string): ParsedFile => {
  const bom = text.startsWith(byteOrderMark);
  const faults: Fault[] = [];
  const lines: Line[] = [];
  const keys = new Set<string>();
  let at = bom ? 1 : 0;
  let end = 0;
  for (const [index, { length }] of text.split('\n').entries()) {
    end = Math.min(end + length + 1, text.length);
    // Skip the further lines of a value that spans several: they were read together with its first
    // line.
    if (end <= at) continue;
    const next = readLine(text, at, index + 1, faults);
    lines.push(next.line);
    if (next.line.kind === 'assignment') {
      const { key, indent, exported } = next.line;
      const offset = at + indent.length + exported.length;
      if (keys.has(key)) faults.push({ offset, code: 'duplicate_key', key });
      keys.add(key);
    }
    at = next.end;
  }
  for (let at = text.indexOf('\0'); at >= 0; at = text.indexOf('\0', at + 1)) {
    faults.push({ offset: at, code: 'bad_character' });
  }
  return { bom, lines, errors: errorsAt(text, faults) };
};

export const printFile = (file: ParsedFile): string =>
  (file.bom ? byteOrderMark : '') + file.lines.map((line) => printLine(line)).join('');

/** The line as written. `raw`, if given, replaces the text of its value between the quotes. */
export const printLine = (line: Line, raw?: string): string => {
  if (line.kind !== 'assignment') return line.text + line.eol;
  const { quote } = line.value;
  const value = quote + (raw ?? line.value.raw) + quote;
  const head = line.indent + line.exported + line.key + line.beforeEquals;
  return `${head}=${line.afterEquals}${value}${line.afterValue}${line.comment}${line.eol}`;
};

type LineWithEnd = { readonly line: Line; readonly end: number };

const head = /([ \t]*)(export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)([ \t]*)=([ \t]*)/y;

const readLine = (text: string, at: number, line: number, faults: Fault[]): LineWithEnd => {
  head.lastIndex = at;
  const match = head.exec(text);
  if (match === null) return readOther(text, at, line, faults);
  const [all, indent = '', exported = '', key = '', beforeEquals = '', blanks = ''] = match;
  const start = at + all.length;
  const names = { kind: 'assignment', line, indent, exported, key, beforeEquals } as const;
  const first = text[start];
  if (first !== "'" && first !== '"') {
    const { end, content, eol } = endOfLine(text, start);
    reportReturns(text, start, content, faults);
    return { line: { ...names, ...readBare(text, start, content, blanks), eol }, end };
  }
  const quoted = first === "'" ? readSingle(text, start) : readDouble(text, start, key, faults);
  if (quoted === undefined) {
    faults.push({ offset: start, code: 'unterminated_quote', key });
    return {
      line: { kind: 'unreadable', line, text: text.slice(at), key, eol: '' },
      end: text.length,
    };
  }
  const { end, content, eol } = endOfLine(text, quoted.end);
  const rest = text.slice(quoted.end, content);
  const [afterValue = ''] = /^[ \t]*/.exec(rest) ?? [];
  const comment = rest.slice(afterValue.length);
  reportReturns(text, quoted.end, content, faults);
  if (comment !== '' && !(comment.startsWith('#') && afterValue !== '')) {
    const offset = quoted.end + afterValue.length;
    if (!/^[\r\0]/.test(comment)) faults.push({ offset, code: 'text_after_quote', key });
    return { line: { kind: 'unreadable', line, text: text.slice(at, content), key, eol }, end };
  }
  const value = quoted.value;
  return { line: { ...names, afterEquals: blanks, value, afterValue, comment, eol }, end };
};

/**
 * Blanks around an empty value count as blanks after it, so that a value written there directly
 * follows the equals sign.
 */
const readBare = (text: string, start: number, content: number, blanks: string) => {
  const empty = start === content || text[start] === '#';
  const from = empty ? start - blanks.length : start;
  const rest = text.slice(from, content);
  const hash = rest.search(/[ \t]#/);
  const beforeComment = hash < 0 ? rest : rest.slice(0, hash + 1);
  let length = beforeComment.length;
  while (length > 0 && isBlank(beforeComment[length - 1])) length--;
  const raw = beforeComment.slice(0, length);
  return {
    afterEquals: empty ? '' : blanks,
    value: { quote: '', raw, offset: from, decoded: raw, escapes: [] } as const,
    afterValue: beforeComment.slice(length),
    comment: hash < 0 ? '' : rest.slice(hash + 1),
  };
};

const readOther = (text: string, at: number, line: number, faults: Fault[]): LineWithEnd => {
  const { end, content, eol } = endOfLine(text, at);
  const all = text.slice(at, content);
  const indent = all.length - all.replace(/^[ \t]+/, '').length;
  const comment = all[indent] === '#';
  reportReturns(text, at, content, faults);
  if (indent === all.length || comment) {
    return { line: { kind: comment ? 'comment' : 'blank', line, text: all, eol }, end };
  }
  const stop = /=|[ \t]#/.exec(all);
  const [exported = ''] = /^export[ \t]+/.exec(all.slice(indent)) ?? [];
  if (stop?.[0] !== '=') faults.push({ offset: at + indent, code: 'missing_equals' });
  else faults.push({ offset: at + indent + exported.length, code: 'bad_key' });
  return { line: { kind: 'unreadable', line, text: all, eol }, end };
};

type QuotedValue = { readonly value: Value; readonly end: number };

/**
 * Reads the value in single quotes that begins at `open`; `undefined` if the quote is never closed.
 */
const readSingle = (text: string, open: number): QuotedValue | undefined => {
  const offset = open + 1;
  const close = text.indexOf("'", offset);
  if (close < 0) return undefined;
  const raw = text.slice(offset, close);
  return { value: { quote: "'", raw, offset, decoded: raw, escapes: [] }, end: close + 1 };
};

const meanings = new Map([
  ['\\', '\\'],
  ['"', '"'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['$', '$'],
  ['`', '`'],
]);

/**
 * Reads the value in double quotes that begins at `open`; `undefined` if the quote is never closed.
 * A bad escape is reported and kept as text.
 */
const readDouble = (
  text: string,
  open: number,
  key: string,
  faults: Fault[],
): QuotedValue | undefined => {
  const offset = open + 1;
  const stop = /["\\]/g;
  const pieces: string[] = [];
  const escapes: number[] = [];
  const bad: Fault[] = [];
  let copied = offset;
  stop.lastIndex = offset;
  for (let match = stop.exec(text); match !== null; match = stop.exec(text)) {
    const at = match.index;
    if (match[0] === '"') {
      pieces.push(text.slice(copied, at));
      for (const fault of bad) faults.push(fault);
      const raw = text.slice(offset, at);
      return { value: { quote: '"', raw, offset, decoded: pieces.join(''), escapes }, end: at + 1 };
    }
    const meaning = meanings.get(text[at + 1] ?? '');
    if (meaning === undefined) bad.push({ offset: at, code: 'bad_escape', key });
    else {
      pieces.push(text.slice(copied, at), meaning);
      escapes.push(at - offset - escapes.length);
      copied = at + 2;
    }
    stop.lastIndex = at + 2;
  }
  return undefined;
};

/** The end of the line that contains `at`: `content` is before its EOL, `end` after it. */
const endOfLine = (text: string, at: number) => {
  const feed = text.indexOf('\n', at);
  if (feed < 0) return { end: text.length, content: text.length, eol: '' } as const;
  if (text[feed - 1] === '\r') {
    return { end: feed + 1, content: feed - 1, eol: '\r\n' } as const;
  }
  return { end: feed + 1, content: feed, eol: '\n' } as const;
};

/** Reports each CR that does not end a line. The range must be outside quotes. */
const reportReturns = (text: string, from: number, to: number, faults: Fault[]): void => {
  const part = text.slice(from, to);
  for (let at = part.indexOf('\r'); at >= 0; at = part.indexOf('\r', at + 1)) {
    faults.push({ offset: from + at, code: 'bad_character' });
  }
};

const isBlank = (character: string | undefined): boolean => character === ' ' || character === '\t';
