/**
 * `env_file` of docker compose, read by the package `dotenv` of compose-go v2. Single quotes keep everything except
 * an apostrophe and a backslash at their end; double quotes hold the rest. Only values with NUL cannot be written,
 * because no process can have such a variable.
 */
import { composeReads } from './compose-reading.ts';
import { checksOf, isPlain, withSpelling } from './reading.ts';
import type { Writer } from './writer.ts';

/** `quoted` forces quotes: after a bare value, only a space and `#` begin a comment for compose, and a tab does not. */
const spell = (value: string, quoted: boolean): string => {
  if (!quoted && isPlain(value)) return value;
  if (!value.includes("'") && !value.endsWith('\\')) return `'${value}'`;
  return `"${value.replace(/[\\"$]/g, '\\$&')}"`;
};

export const compose: Writer = {
  write: (line, value) =>
    value.includes('\0')
      ? { reason: 'nul' }
      : withSpelling(line, spell(value, line.comment !== '')),
  ...checksOf({ reads: composeReads, unfit: () => undefined }),
};
