import { describe, expect, it } from '@jest/globals';
import { findInterpolations } from '../../../functions/env/agreement.ts';
import type { TextDialect } from '../../../functions/env/dialects/dialect.ts';
import { parseFile } from '../../../functions/env/grammar.ts';
import { readWithExpand } from '../../support/node-readers.ts';
import type { Finding } from './programs.ts';
import { readersOf, textDialects } from './readers.ts';

/** Texts that some readers interpolate, and texts that only look like it. */
const texts = [
  ...['$B', '$B.c', 'a$B', '$$B', '\\$B', '\\\\$B', '$b', '$1', '$', 'a$', '$ B', '$.B', '%B%'],
  ...[
    '{B}',
    `\${B}`,
    `a\${B}c`,
    `$\${B}`,
    `\\\${B}`,
    `\${B:-d}`,
    `\${B-d}`,
    `\${B:+d}`,
    `\${N:-d}`,
  ],
  ...[
    '$(echo $B)',
    '\\$(echo $B)',
    '`echo $B`',
    '#$B',
    'a#$B',
    'a #$B',
    '$2y$10$N9qo8u',
    'pa$$word',
  ],
];
const lines = texts.flatMap((text) =>
  ['', '"', "'"].flatMap((quote) => {
    const line = `A=${quote}${text}${quote}`;
    return parseFile(line).errors.length > 0 ? [] : [line];
  }),
);

/** The line with letters for dollar signs, with and without the backslashes before them. */
const inert = (line: string) => [line.replaceAll('$', 'Q'), line.replaceAll(/\\?\$/g, 'Q')];

const readersFor = (dialect: TextDialect): readonly ((texts: readonly string[]) => Finding[])[] =>
  dialect === 'dotenv'
    ? [(texts) => texts.map((text) => readWithExpand(text))]
    : readersOf[dialect].map(({ read }) => read);

describe('a value is interpolated', () => {
  it.each(textDialects)('for %s exactly where one of its readers interpolates it', (dialect) => {
    const files = lines.flatMap((line) => [line, ...inert(line)].map((one) => `B=one\n${one}\n`));
    const readings = readersFor(dialect).map((read) =>
      read(files).map((found) => (typeof found === 'string' ? undefined : found.get('A'))),
    );
    const interpolated = lines.filter((_, at) =>
      readings.some((values) => {
        const [value, ...others] = values.slice(3 * at, 3 * at + 3);
        return others.every((other) => other?.replaceAll('Q', '$') !== value);
      }),
    );
    const judged = lines.filter((line) => {
      const file = parseFile(line);
      return findInterpolations({ content: line, file }, dialect).length > 0;
    });
    expect(judged).toEqual(interpolated);
  });
});
