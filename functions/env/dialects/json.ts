/** `{"KEY":"value"}` in the order of the file. Every value is exact. */
import type { Writer } from './writer.ts';

export const json: Writer = {
  write: (line, value) => `${JSON.stringify(line.key)}:${JSON.stringify(value)}`,
  refuse: () => new Map(),
  disagrees: () => false,
  frame: { open: '{', between: ',', close: '}' },
};
