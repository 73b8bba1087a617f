/**
 * `set -a; . file` in bash, in any locale. There is a spelling for every value without NUL, and but for
 * one kind (`hidesEscapes`) the grammar reads it the same; what no spelling mends (a CR at the line's
 * end, a byte order mark before the key, a name that bash keeps for itself, an earlier line that bash
 * does not end where the grammar does) is refused.
 */
import { isPlain, judge, withSpelling } from './reading.ts';
import { isBashOwn, mayReachBeyond, readsAlike } from './shell-reading.ts';
import type { Writer } from './writer.ts';

/**
 * In GBK, GB18030, Big5, Shift_JIS and their like, the last byte of a character beyond ASCII makes one
 * character with a backslash behind it. So none may stand there: bash would miss the escape, end the
 * quotes early and run the rest. Quotes and `$` are never a part of such a character.
 */
const hidesEscapes = /\P{ASCII}[\\"$`]/u;

const spell = (value: string): string => {
  if (isPlain(value)) return value;
  if (!value.includes("'")) return `'${value}'`;
  // The grammar does not join quotes: this one is for final replies only.
  if (hidesEscapes.test(value)) return `'${value.replaceAll("'", `'\\''`)}'`;
  return `"${value.replace(/[\\"$`]/g, '\\$&')}"`;
};

export const shell: Writer = {
  write: (line, value) =>
    value.includes('\0') ? { reason: 'nul' } : withSpelling(line, spell(value)),
  ...judge({
    reads: (line, marked) => {
      if (readsAlike(line, marked)) return 'alike';
      return mayReachBeyond(line, marked) ? 'below' : 'otherwise';
    },
    unfit: (line, marked) => {
      if (marked) return 'byte_order_mark';
      if (line.eol === '\r\n') return 'carriage_return';
      return isBashOwn(line.key) ? 'key' : undefined;
    },
  }),
};
