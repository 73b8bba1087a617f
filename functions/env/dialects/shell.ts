/**
 * `set -a; . file` in bash. The spellings below mean the same to bash and to the grammar for every
 * value without NUL; what they cannot mend (a CR at the line's end, a byte order mark before the key,
 * a name that bash keeps for itself, an earlier line that bash does not end where the grammar does)
 * is refused.
 */
import { isPlain, judge, withSpelling } from './reading.ts';
import { isBashOwn, mayReachBeyond, readsAlike } from './shell-reading.ts';
import type { Writer } from './writer.ts';

const spell = (value: string): string => {
  if (isPlain(value)) return value;
  if (!value.includes("'")) return `'${value}'`;
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
