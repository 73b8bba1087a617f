/**
 * Generates random lines that are well-formed by the grammar and not made for any particular
 * reader.
 */
import fc from 'fast-check';
import { type Line, type ParsedFile, parseFile } from '../../../functions/env/grammar.ts';

/** `_` stands for a blank. */
const fragment = fc.constantFrom(
  ...`a b 1 A= T= Z= _ _ __ \t # _# \t# / . : , ' ' " " \` \` \\ \\ \\n \\r \\t \\$ \\" \\\\ \\\` \\'
  $ $$ $B $(a) $( \${B} \${B:-a} \${B-a} \${B:?a} \${B?} \${ \${} \${B:+\${C}} } { ) ( [ = ? + - é 😀
  \u0001 \u017f \u212a export_ ; & | <`
    .split(/[ \n]+/)
    .map((piece) => piece.replaceAll('_', ' ')),
  ...['\u00a0', '\u0085', '\u2028', '\u2003', '\u000b', '\u000c', '\u001c', '\uFEFF'],
  ...['\n', '\n', '\nT=x', "\nT='", '\r'],
);
const text = fc.array(fragment, { maxLength: 7 }).map((all) => all.join(''));
const part = fc.tuple(
  fc.constantFrom('', '', '', ' ', '\t', 'export ', 'export\t', ' export  '),
  fc.constantFrom('A', 'A', 'A', 'A', 'export', '__proto__', 'if'),
  fc.constantFrom('=', '=', '=', '=', ' =', '= ', ' = ', '\t=\t', '=\u00a0', '=\u000b'),
  fc.constantFrom('', '', '"', "'"),
  text,
  fc.constantFrom('', '', ' ', '\t', ' # c', "\t# it's", ' # "$(', ' # \u2028T=y'),
  fc.constantFrom('', '', '', '', '', '\r'),
);
const assignment = part.map(([head, key, equals, quote, value, tail, end]) =>
  [head, key, equals, quote, value, quote, tail, end].join(''),
);
const other = fc
  .tuple(fc.constantFrom('', ' ', '\t', '#', '#', ' #', '\t# '), text)
  .map(([head, rest]) => head + rest.replaceAll('\n', ''));
const oneOrTwo = fc.oneof(
  { weight: 6, arbitrary: assignment },
  { weight: 2, arbitrary: other },
  { weight: 1, arbitrary: fc.tuple(other, other).map((all) => all.join('\n')) },
  { weight: 1, arbitrary: fc.tuple(other, assignment).map((all) => all.join('\n')) },
);
const block = fc
  .tuple(fc.constantFrom('', '', '', '', '', '', '', '\uFEFF'), oneOrTwo)
  .map((all) => all.join(''));

/** Lines that the grammar reads. The text begins with a byte order mark if their file does. */
export type Block = {
  readonly text: string;
  readonly file: ParsedFile;
  readonly lines: readonly Line[];
};

/**
 * Generates blocks that do not define the keys T and Z, unless a reader misunderstands one of their
 * values.
 */
export const foreignBlocks = (count: number, seed: number): Block[] =>
  fc.sample(block, { numRuns: count, seed }).flatMap((sampled) => {
    const content = `${sampled}\n`;
    const file = parseFile(content);
    const keys = file.lines.flatMap((line) => (line.kind === 'assignment' ? [line.key] : []));
    if (file.errors.length > 0 || keys.includes('T') || keys.includes('Z')) return [];
    return [{ text: content, file, lines: file.lines }];
  });
