/** The error for a line that cannot be written: its position, its key, the dialect and the reason. */
import type { Dialect } from './dialects/dialect.ts';
import type { Unfit } from './dialects/writer.ts';
import { parseFile } from './grammar.ts';
import type { Fault } from './places.ts';

/** `key` must be a key of the grammar. The error reveals nothing of a value or of the text in a reference. */
export const unfitAt = (offset: number, key: string, dialect: Dialect, unfit: Unfit): Fault => ({
  offset,
  code: 'not_representable',
  key,
  dialect,
  ...unfit,
});

/** Whether a later request reads `value` from a line that was written for a dialect. */
export const isReadAgain = (text: string, value: string): boolean => {
  const { lines, errors } = parseFile(text);
  const read = lines.flatMap((line) => (line.kind === 'assignment' ? [line.value.decoded] : []));
  return errors.length === 0 && read.length === 1 && read[0] === value;
};
