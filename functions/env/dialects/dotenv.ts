/**
 * npm dotenv and Node's `--env-file`, which must both read the same. Neither knows an escape for a quote,
 * so a value with every kind of them can stand only where it needs none. Both take a CR for a line's
 * end or drop it. dotenv-expand reads what they give back: a value in which it would replace or run
 * anything is refused, for no spelling hides that from it.
 */
import { dotenvReads, lineSeparator } from './dotenv-reading.ts';
import { isPlain, judge } from './reading.ts';
import type { Writer } from './writer.ts';

/** dotenv-expand replaces `$NAME` and `${NAME}`, runs `$(…)`, and drops a backslash before `$`. */
const expandable = /\$[A-Za-z_{(]|\\\$/;

/** The spellings that the grammar reads the same, then those for final replies only. */
const spell = (value: string): string | undefined => {
  if (isPlain(value)) return value;
  if (value === '') return "''";
  const closes = !value.endsWith('\\');
  if (closes && !value.includes("'")) return `'${value}'`;
  if (!/["\\]/.test(value)) return `"${value}"`;
  if (standsBare(value)) return value;
  if (closes && !/"|\\[nr]/.test(value)) return `"${value}"`;
  return closes && !value.includes('`') ? `\`${value}\`` : undefined;
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
    unfit: (line, marked) => {
      if (marked) return 'byte_order_mark';
      // Both give back objects, and this name is no ordinary member of one.
      if (line.key === '__proto__') return 'key';
      return lineSeparator.test(line.comment) ? 'comment' : undefined;
    },
  }),
};
