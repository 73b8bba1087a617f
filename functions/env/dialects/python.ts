/**
 * python-dotenv with its default `interpolate=True`: it replaces `${NAME}` and `${NAME:-default}`
 * in every value, quoted or not. No escape prevents that, but a default may be any text without a
 * closing brace, and no variable is named `=`. So `${=:-${NAME}}` gives the text `${NAME}`. The
 * grammar reads something else there, so this is for final replies only.
 */
import { type Assignment, type Line, printLine } from '../grammar.ts';
import {
  checksOf,
  isPlain,
  type Reading,
  type ReadValue,
  type Writer,
  withSpelling,
} from './writer.ts';

const spell = (value: string): string => {
  if (isPlain(value)) return value;
  const text = withoutExpansions(value);
  // The reader opens the file as text, which turns a CR into LF.
  const single = !/['\r]|\\\\|\\$/.test(text);
  return single ? `'${text}'` : `"${text.replace(/[\\"]/g, '\\$&').replaceAll('\r', '\\r')}"`;
};

const withoutExpansions = (value: string): string => {
  let text = '';
  let copied = 0;
  for (const { start, end } of findExpansions(value)) {
    text += `${value.slice(copied, start)}\${=:-${value.slice(start, end)}}`;
    copied = end;
  }
  return text + value.slice(copied);
};

type Span = { readonly start: number; readonly end: number };

/**
 * The parts of a decoded value that python-dotenv replaces: the matches of
 * `\$\{[^}:]*(:-[^}]*)?\}`, found in linear time.
 */
export const findExpansions = (text: string): Span[] => {
  const spans: Span[] = [];
  let brace = -1;
  let colon = -1;
  let end = 0;
  for (const { index: start } of text.matchAll(/\$\{/g)) {
    if (start < end) continue;
    const name = start + '${'.length;
    if (brace < name) brace = text.indexOf('}', name);
    if (brace < 0) break;
    if (colon < name) colon = indexOrEnd(text, ':', name);
    if (colon < brace && text[colon + 1] !== '-') continue;
    end = brace + 1;
    spans.push({ start, end });
  }
  return spans;
};

const indexOrEnd = (text: string, character: string, from: number): number => {
  const index = text.indexOf(character, from);
  return index < 0 ? text.length : index;
};

/**
 * How python-dotenv reads an unchanged line. The model reads the line alone. It knows every key
 * that the reader finds on it, and whether the reader ends the line where the grammar does. An open
 * quote affects the whole file, not only the lines below: the reader may find its end in a later
 * value, or give up on the quote. Either way it may find keys in the text that follows, which
 * replace keys above.
 */
const pythonReads = (line: Line): Reading => {
  const { bindings, open } = readBindings(printLine(line));
  const keys = bindings.flatMap(({ key }) => (key === undefined ? [] : [key]));
  const own = line.kind === 'assignment' ? line.key : undefined;
  if (open || keys.some((key) => key !== own)) return 'whole file';
  if (line.kind !== 'assignment') return 'same';
  const [first, ...others] = bindings;
  if (first?.value !== line.value.decoded || others.length > 0) return 'different';
  return findExpansions(first.value).length > 0 ? 'different' : 'same';
};

/** The value that the model of the parser finds, unless a comment could be part of it. */
const found = (line: Assignment): ReadValue | undefined => {
  if (pythonReads(line) !== 'different' || line.comment !== '') return undefined;
  const value = readBindings(printLine(line)).bindings[0]?.value;
  return value === undefined || findExpansions(value).length > 0 ? undefined : { line, value };
};

type Binding = {
  /** Absent for comments, blanks, and lines that the parser cannot read and skips. */
  readonly key?: string;
  /** Absent for a key without `=`. References such as `${NAME}` have not been replaced yet. */
  readonly value?: string;
};

type Bindings = {
  readonly bindings: readonly Binding[];
  /**
   * Whether the text ends inside a quote. In that case `bindings` ends before the quote, and what
   * the parser reads from there on depends on the text that follows.
   */
  readonly open: boolean;
};

/**
 * Python's blanks, except the control characters from tab to CR, as ranges of a character class.
 */
const otherBlanks = String.raw`\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`;
const blank = String.raw`[\t-\r${otherBlanks}]`;
/**
 * A blank that does not end a line. Python opens the file as text, so its parser never sees a CR.
 */
const inLine = String.raw`[\t\x0b\f${otherBlanks}]`;

const beforeKey = new RegExp(`${blank}*`, 'y');
const exported = new RegExp(`(?:export${inLine}+)?`, 'y');
const bareKey = new RegExp(String.raw`[^=#\t-\r${otherBlanks}]+`, 'y');
const quotedKey = /'([^']*)'/y;
const equals = new RegExp(`${inLine}*=${inLine}*`, 'y');
const singleQuoted = /'([^'\\]*(?:\\.[^'\\]*)*)'/sy;
const doubleQuoted = /"([^"\\]*(?:\\.[^"\\]*)*)"/sy;
const restOfLine = /[^\n]*/y;
const endOfBinding = new RegExp(String.raw`${inLine}*(?:#[^\n]*)?(?:\n|$)`, 'y');

/**
 * An exact model of the parser of python-dotenv 1.2.4 (`dotenv/parser.py`), in linear time. The
 * parser has no state except its position, so it reads a text between other lines like the text
 * alone, unless the text ends inside a quote. `text` has no byte order mark, since Python's reader
 * drops it.
 */
export const readBindings = (text: string): Bindings => {
  const lines = text.replace(/\r\n?/g, '\n');
  const cursor = createCursor(lines);
  const bindings: Binding[] = [];
  // A line begins at most one binding, so there are never more rounds than lines.
  for (let left = lines.split('\n').length; left > 0; left--) {
    cursor.take(beforeKey);
    if (cursor.next() === '') break;
    const binding = readBinding(cursor);
    if (binding === 'open') return { bindings, open: true };
    // After an error, the parser skips the rest of that line.
    if (binding === 'error') cursor.take(restOfLine);
    bindings.push(binding === 'error' ? {} : binding);
  }
  return { bindings, open: false };
};

type Cursor = {
  /** Matches a sticky expression at the cursor, and moves past the match if there is one. */
  readonly take: (expression: RegExp) => RegExpExecArray | undefined;
  /** The next character; empty at the end. */
  readonly next: () => string;
};

const createCursor = (text: string): Cursor => {
  let at = 0;
  return {
    take: (expression) => {
      expression.lastIndex = at;
      const match = expression.exec(text) ?? undefined;
      at += match?.[0].length ?? 0;
      return match;
    },
    next: () => text.charAt(at),
  };
};

const readBinding = (cursor: Cursor): Binding | 'error' | 'open' => {
  cursor.take(exported);
  const key = readKey(cursor);
  if (key === 'error' || key === 'open') return key;
  const sign = cursor.take(equals)?.[0];
  const value = sign === undefined ? {} : readValue(cursor, sign);
  if (value === 'open') return value;
  return cursor.take(endOfBinding) ? { ...key, ...value } : 'error';
};

const readKey = (cursor: Cursor): { key?: string } | 'error' | 'open' => {
  const first = cursor.next();
  if (first === '#') return {};
  if (first !== "'") {
    const key = cursor.take(bareKey)?.[0];
    return key === undefined ? 'error' : { key };
  }
  const key = cursor.take(quotedKey)?.[1];
  if (key === undefined) return 'open';
  return key === '' ? 'error' : { key };
};

const readValue = (cursor: Cursor, sign: string): { value: string } | 'open' => {
  const first = cursor.next();
  if (first === '#' && !sign.endsWith('=')) return { value: '' };
  if (first !== "'" && first !== '"') {
    return { value: withoutComment(cursor.take(restOfLine)?.[0] ?? '') };
  }
  const raw = cursor.take(first === "'" ? singleQuoted : doubleQuoted)?.[1];
  if (raw === undefined) return 'open';
  return { value: first === "'" ? raw.replace(/\\([\\'])/g, '$1') : decodeDouble(raw) };
};

const blankThenHash = new RegExp(`${blank}#`);
const isBlank = new RegExp(blank);

const withoutComment = (text: string): string => {
  const hash = text.search(blankThenHash);
  let end = hash < 0 ? text.length : hash;
  while (end > 0 && isBlank.test(text.charAt(end - 1))) end--;
  return text.slice(0, end);
};

const meanings = new Map([
  ...['\\', "'", '"'].map((one) => [one, one] as const),
  ...Object.entries({ a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\x0b' }),
]);

const decodeDouble = (raw: string): string =>
  raw.replace(/\\([\\'"abfnrtv])/g, (_, escaped) => meanings.get(escaped) ?? '');

export const python: Writer = {
  found,
  expands: ({ value }) => findExpansions(value.decoded).length > 0,
  write: (line, value) =>
    value.includes('\0') ? { reason: 'nul' } : withSpelling(line, spell(value)),
  ...checksOf({ reads: pythonReads, unfit: () => undefined }),
};
