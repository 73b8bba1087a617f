/**
 * `env_file` of docker compose, read by the package `dotenv` of compose-go v2. Single quotes keep
 * everything but an apostrophe and a backslash at their end; double quotes take what is left. Of all
 * values only those with NUL cannot be written: no process can have such a variable.
 */
import { composeReads } from './compose-reading.ts';
import { isPlain, judge, withSpelling } from './reading.ts';
import type { Writer } from './writer.ts';

/** `quoted`: after a bare value compose takes only a space and `#` for the beginning of a comment. */
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
  ...judge({ reads: composeReads, unfit: () => undefined }),
};
