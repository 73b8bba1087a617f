/**
 * python-dotenv with its default `interpolate=True`: it replaces `${NAME}` and `${NAME:-default}` in every value, with
 * or without quotes. No escape prevents that, but a default may be any text without a closing brace. So
 * `${=:-${NAME}}` is the text `${NAME}`, because no variable is named `=`. The grammar reads another value there, so
 * this spelling is for final replies only.
 */
import { findExpansions, pythonReads } from './python-reading.ts';
import { checksOf, isPlain, withSpelling } from './reading.ts';
import type { Writer } from './writer.ts';

const spell = (value: string): string => {
  if (isPlain(value)) return value;
  const text = withoutExpansions(value);
  // The reader opens the file as text, which turns a CR into LF.
  const single = !/['\r]|\\\\|\\$/.test(text);
  return single ? `'${text}'` : `"${text.replace(/[\\"]/g, '\\$&').replaceAll('\r', '\\r')}"`;
};

const withoutExpansions = (value: string): string => {
  let text = '';
  let copied = 0;
  for (const { start, end } of findExpansions(value)) {
    text += `${value.slice(copied, start)}\${=:-${value.slice(start, end)}}`;
    copied = end;
  }
  return text + value.slice(copied);
};

export const python: Writer = {
  write: (line, value) =>
    value.includes('\0') ? { reason: 'nul' } : withSpelling(line, spell(value)),
  ...checksOf({ reads: pythonReads, unfit: () => undefined }),
};
