/** What a caller is told of a line that cannot be written: which, for which reader, and why. */
import type { Dialect } from './dialects/dialect.ts';
import type { Unfit } from './dialects/writer.ts';
import { parseFile } from './grammar.ts';
import type { Fault } from './places.ts';

/** `key` is one by the grammar: of a value, or of what stands in a reference, nothing is told. */
export const unfitAt = (offset: number, key: string, dialect: Dialect, unfit: Unfit): Fault => ({
  offset,
  code: 'not_representable',
  key,
  dialect,
  ...unfit,
});

/** Whether a later request finds `value` in a line as it was written for a dialect. */
export const isReadAgain = (text: string, value: string): boolean => {
  const { lines, errors } = parseFile(text);
  const read = lines.flatMap((line) => (line.kind === 'assignment' ? [line.value.decoded] : []));
  return errors.length === 0 && read.length === 1 && read[0] === value;
};
