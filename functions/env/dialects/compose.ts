/**
 * `env_file` of docker compose, read by the package `dotenv` of compose-go v2. Single quotes keep
 * everything, except that they cannot contain an apostrophe or end with a backslash; such values go
 * in double quotes. Only values with NUL cannot be written, because no process can have such a
 * variable.
 */
import type { Assignment, Line } from '../grammar.ts';
import {
  checksOf,
  endsInOddBackslash,
  isPlain,
  type Reading,
  type Writer,
  withSpelling,
} from './writer.ts';

/**
 * With `quoted`, no value is written bare, because a comment follows: after a bare value, compose
 * begins a comment only at a space and `#`, not at a tab.
 */
const spell = (value: string, quoted: boolean): string => {
  if (!quoted && isPlain(value)) return value;
  if (!value.includes("'") && !value.endsWith('\\')) return `'${value}'`;
  return `"${value.replace(/[\\"$]/g, '\\$&')}"`;
};

/** Compose rejects the whole file if a quote is not closed or an expansion is malformed. */
const composeReads = (line: Line): Reading => {
  if (line.kind !== 'assignment') return 'same';
  // With a blank before its `=`, compose takes a key named `export` for the word `export`, and
  // finds no name after it.
  if (line.key === 'export' && line.beforeEquals !== '') return 'whole file';
  const { quote, raw } = line.value;
  if (quote === "'") return endsInOddBackslash(raw) ? 'whole file' : 'same';
  if (quote === '"') return quotedReads(raw);
  return bareReads(line, raw);
};

/** Stands for an escaped dollar sign. No value contains this character. */
const literal = '\0';

const withoutEscapes = (raw: string): string =>
  raw.replace(/\\([\\"nrt$`])/g, (_, escaped) => (escaped === '$' ? literal : ' '));

const quotedReads = (raw: string): Reading => {
  const text = withoutEscapes(raw);
  // Compose turns an escaped dollar sign into two, and pairs the first of them with a dollar sign
  // before it.
  if (text.includes(`$${literal}`)) return 'whole file';
  const dollars = expands(text);
  if (dollars !== 'same') return dollars;
  return /\\`/.test(raw.replace(/\\\\/g, '')) ? 'different' : 'same';
};

const bareReads = ({ afterValue, comment }: Assignment, raw: string): Reading => {
  // Compose skips more kinds of blanks before a value than the grammar, and may find a quote after
  // them.
  if (/^[\v\f\u0085\u00a0]/.test(raw)) return 'whole file';
  const dollars = expands(raw + (comment === '' ? '' : afterValue + comment));
  if (dollars !== 'same') return dollars;
  if (comment !== '' && (raw === '' || afterValue.endsWith('\t'))) return 'different';
  return /[\p{White_Space}]$/u.test(raw) ? 'different' : 'same';
};

/**
 * Compose matches names without regard to case, so two letters outside ASCII match as well: U+017F
 * matches `s`, and U+212A matches `k`.
 */
const name = '[A-Za-z_\\u017f\\u212a][A-Za-z0-9_\\u017f\\u212a]*';
const simple = new RegExp(
  `\\$(?:${name}|\\{[A-Za-z_][A-Za-z0-9_]*(?:[:]?[-+][^$?{}\\s]*)?\\})`,
  'g',
);

/** What `$NAME` and `${…}` do to a text: nothing, an expansion, or a failure for the whole file. */
const expands = (text: string): Reading => {
  if (!/\$[$A-Za-z_{\u017f\u212a]/.test(text)) return 'same';
  return /\$[${]/.test(text.replace(simple, ' ')) ? 'whole file' : 'different';
};

export const compose: Writer = {
  write: (line, value) =>
    value.includes('\0')
      ? { reason: 'nul' }
      : withSpelling(line, spell(value, line.comment !== '')),
  expands: ({ value: { quote, raw } }) =>
    quote !== "'" && expands(quote === '"' ? withoutEscapes(raw) : raw) !== 'same',
  ...checksOf({ reads: composeReads, unfit: () => undefined }),
};
