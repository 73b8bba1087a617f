/**
 * Keys that a file assigns twice. The vault refuses such a file. But every program takes the last
 * assignment, so the earlier ones can become comments without changing what it reads.
 */
import { byteOrderMark } from './faults.ts';
import { type Line, parseFile, printLine } from './grammar.ts';

export type Silenced = { readonly key: string; readonly line: number };

/**
 * Turns assignments that a later one overrides into comments. Returns the file unchanged if it has
 * other errors, or if a line may refer to the earlier value of such a key. Lines keep their
 * numbers.
 */
export const silenceDuplicates = (
  text: string,
): { readonly content: string; readonly silenced: readonly Silenced[] } => {
  const { bom, lines, errors } = parseFile(text);
  const last = new Map(lines.map((line) => [keyOf(line), line]));
  const silenced = lines.flatMap((line) => {
    const key = keyOf(line);
    return key === undefined || last.get(key) === line ? [] : [{ key, line: line.line }];
  });
  const mayBeRead = ({ key }: Silenced) => new RegExp(`\\$\\{?${key}\\b|\\$\\(|\``).test(text);
  if (errors.some(({ code }) => code !== 'duplicate_key') || silenced.some(mayBeRead)) {
    return { content: text, silenced: [] };
  }
  const numbers = new Set(silenced.map(({ line }) => line));
  const written = lines.map((line) => {
    const own = printLine(line);
    return numbers.has(line.line) ? own.replace(/(?<![^\n])./gs, '# $&') : own;
  });
  return { content: (bom ? byteOrderMark : '') + written.join(''), silenced };
};

const keyOf = (line: Line): string | undefined =>
  line.kind === 'assignment' ? line.key : undefined;
