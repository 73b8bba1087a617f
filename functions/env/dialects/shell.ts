/**
 * `set -a; . file` in bash, dash and zsh, in any locale. Every value without NUL has a spelling that all three read
 * the same. The grammar reads it the same too, with one exception (`hidesEscapes`). A line is refused if no spelling
 * helps: it ends in a CR, follows a byte order mark, has a name that a shell reserves, or is below a line that bash
 * may read beyond its end.
 */
import { checksOf, isPlain, withSpelling } from './reading.ts';
import { isShellOwn } from './shell-names.ts';
import { commandPath, mayReachBeyond, readsTheSame } from './shell-reading.ts';
import type { Writer } from './writer.ts';

/**
 * In GBK, GB18030, Big5, Shift_JIS and similar encodings, the last byte of a character outside ASCII may form one
 * character with a backslash after it. So no escape may follow such a character: bash would miss the escape, end the
 * quotes early and run the rest. Quotes and `$` are never part of such a character.
 */
const hidesEscapes = /\P{ASCII}[\\"$`]/u;

const spell = (value: string): string => {
  if (isPlain(value) && !commandPath.test(value)) return value;
  if (!value.includes("'")) return `'${value}'`;
  // The grammar does not join quoted parts, so this spelling is for final replies only.
  if (hidesEscapes.test(value)) return `'${value.replaceAll("'", `'\\''`)}'`;
  return `"${value.replace(/[\\"$`]/g, '\\$&')}"`;
};

export const shell: Writer = {
  write: (line, value) =>
    value.includes('\0') ? { reason: 'nul' } : withSpelling(line, spell(value)),
  ...checksOf({
    reads: (line, marked) => {
      if (readsTheSame(line, marked)) return 'same';
      return mayReachBeyond(line, marked) ? 'lines below' : 'different';
    },
    unfit: (line, marked) => {
      if (marked) return 'byte_order_mark';
      if (line.eol === '\r\n') return 'carriage_return';
      return isShellOwn(line.key) ? 'key' : undefined;
    },
  }),
};
