/** Finds the lines of an adopted file, such as comments, that still contain a stored value. */
import { limits } from '../model/limits.ts';
import type { Adoption } from './adoption.ts';
import { readFile } from './agreement.ts';
import { printLine } from './grammar.ts';
import { utf8Bytes } from './sizes.ts';

/**
 * Finds the lines that contain one of these values, as written or decoded. Values shorter than
 * `limits.telltaleBytesMin` are not searched for, because other text may contain them by chance.
 */
export const findHeldValues = (
  content: string,
  secrets: Adoption['secrets'],
): readonly { readonly line: number; readonly code: 'value_elsewhere' }[] => {
  const values = secrets
    .map(({ value }) => value)
    .filter((value) => utf8Bytes(value) >= limits.telltaleBytesMin);
  return readFile(content).file.lines.flatMap((line) => {
    const texts = [printLine(line), line.kind === 'assignment' ? line.value.decoded : ''];
    const holds = values.some((value) => texts.some((text) => text.includes(value)));
    return holds ? [{ line: line.line, code: 'value_elsewhere' as const }] : [];
  });
};
