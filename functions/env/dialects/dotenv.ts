/**
 * npm dotenv and Node's `--env-file`, which must both read the same. Neither knows an escape for a quote, so a value
 * with every kind of quotes can be written only if it needs none. Both take a CR for a line's end or drop it.
 * dotenv-expand reads their result. A value in which it would replace or run anything is refused, because no
 * spelling hides that from it.
 */
import { clashAmong, dotenvReads, lineSeparator } from './dotenv-reading.ts';
import { checksOf, isPlain } from './reading.ts';
import type { Writer } from './writer.ts';

/**
 * dotenv-expand replaces `$NAME` and `${NAME}`, runs `$(…)`, and drops a backslash before `$`. The other patterns are
 * refused because of lines that read this one, in this file or another. There a `$` at the end would join the next
 * text, `$$` and `$&` are patterns of JavaScript's `replace`, and a backslash at the end escapes the next character.
 */
const expandable = /\$(?:[A-Za-z_{}($&'`]|$)|\\(?:\$|$)/;

/** Tries the spellings that the grammar reads the same first, then those that are for final replies only. */
const spell = (value: string): string | undefined => {
  if (isPlain(value)) return value;
  if (value === '') return "''";
  if (!value.includes("'")) return `'${value}'`;
  if (!/["\\]/.test(value)) return `"${value}"`;
  if (standsBare(value)) return value;
  if (!/"|\\[nr]/.test(value)) return `"${value}"`;
  return value.includes('`') ? undefined : `\`${value}\``;
};

const standsBare = (value: string): boolean =>
  !/^['"`]|[#\n]/.test(value) && !lineSeparator.test(value) && value.trim() === value;

const write: Writer['write'] = (line, value) => {
  if (value.includes('\0')) return { reason: 'nul' };
  if (value.includes('\r')) return { reason: 'carriage_return' };
  if (expandable.test(value)) return { reason: 'expansion' };
  const spelled = spell(value);
  if (spelled === undefined) return { reason: 'quotes' };
  const { indent, exported, key, afterValue, comment, eol } = line;
  // Node knows `export` only with a space after it.
  const head = `${indent}${exported === '' ? '' : 'export '}${key}`;
  return `${head}=${spelled}${afterValue}${comment}${eol}`;
};

export const dotenv: Writer = {
  write,
  ...checksOf({
    reads: dotenvReads,
    clash: clashAmong,
    unfit: (line, marked) => {
      if (marked) return 'byte_order_mark';
      // Both return objects, and this is no ordinary property of an object.
      if (line.key === '__proto__') return 'key';
      return lineSeparator.test(line.comment) ? 'comment' : undefined;
    },
  }),
};
