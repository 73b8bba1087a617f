/**
 * npm dotenv and Node's `--env-file`, which must both read the same. Neither knows an escape for a quote,
 * so a value with every kind of them can stand only where it needs none. Both take a CR for a line's
 * end or drop it. dotenv-expand reads what they give back: a value in which it would replace or run
 * anything is refused, for no spelling hides that from it.
 */
import { clashAmong, dotenvReads, lineSeparator } from './dotenv-reading.ts';
import { isPlain, judge } from './reading.ts';
import type { Writer } from './writer.ts';

/**
 * dotenv-expand replaces `$NAME` and `${NAME}`, runs `$(…)`, and drops a backslash before `$`. The others
 * are refused for what it makes of them in a line that reads this one, in this file or in another: the `$`
 * would find a partner there, `$$` and `$&` are patterns of JavaScript's `replace`, and a backslash at the
 * end escapes what follows.
 */
const expandable = /\$(?:[A-Za-z_{}($&'`]|$)|\\(?:\$|$)/;

/** The spellings that the grammar reads the same, then those for final replies only. */
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
  // Node knows `export` with a space behind it only.
  const head = `${indent}${exported === '' ? '' : 'export '}${key}`;
  return `${head}=${spelled}${afterValue}${comment}${eol}`;
};

export const dotenv: Writer = {
  write,
  ...judge({
    reads: dotenvReads,
    clash: clashAmong,
    unfit: (line, marked) => {
      if (marked) return 'byte_order_mark';
      // Both give back objects, and this name is no ordinary member of one.
      if (line.key === '__proto__') return 'key';
      return lineSeparator.test(line.comment) ? 'comment' : undefined;
    },
  }),
};
