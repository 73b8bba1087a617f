/**
 * Reads scenarios of the `.env` language from plain text. `== title` begins a section, `#` a
 * comment. Every other line is a word followed by its cases, separated by ` · `. A case may be
 * `input → output`. In a case `⏎` is a line feed, `␍` a CR, `⇥` a tab, `␣` a blank, `∅` nothing,
 * `(U+00A0)` the character with that number, and `(b×9)` the text `b` nine times.
 */
import { readFileSync } from 'node:fs';

export type Scenario = {
  /** The word and the case, as written in the file. */
  readonly text: string;
  readonly word: string;
  readonly input: string;
  readonly output: string;
};

const signs: Readonly<Record<string, string>> = { '⏎': '\n', '␍': '\r', '⇥': '\t', '␣': ' ' };

export const decode = (text: string): string =>
  text
    .replace(/[⏎␍⇥␣∅]/g, (sign) => signs[sign] ?? '')
    .replace(/\(([^()]+)×(\d+)\)/g, (_, piece, times) => piece.repeat(Number(times)))
    .replace(/\(U\+([0-9A-F]{4,5})\)/g, (_, hex) => String.fromCodePoint(Number.parseInt(hex, 16)));

/**
 * Returns the scenarios of a file by section. Each line must begin with one of `words` and two
 * blanks.
 */
export const scenariosOf = (
  path: string,
  words: readonly string[],
): ReadonlyMap<string, readonly Scenario[]> => {
  const [, ...sections] = readFileSync(path, 'utf8').split(/^== /m);
  return new Map(
    sections.map((section) => {
      const [title = '', ...lines] = section.split('\n');
      const written = lines.filter((line) => line !== '' && !line.startsWith('#'));
      const scenarios = written.flatMap((line) => {
        const word = words.find((one) => line.startsWith(`${one}  `));
        if (word === undefined) throw new Error(`${path}: no known word begins the line ${line}`);
        const cases = line.slice(word.length).trim().split(' · ');
        return cases.map((one) => {
          const [input = '', output = ''] = one.split(' → ');
          return { text: `${word} ${one}`, word, input: decode(input), output: decode(output) };
        });
      });
      return [title, scenarios];
    }),
  );
};
