import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { type TextDialect, writerOf } from '../../../functions/env/dialects/dialect.ts';
import { type Assignment, parseFile } from '../../../functions/env/grammar.ts';
import { readWithNodeProcess } from '../../support/node-readers.ts';
import { seed } from '../../support/seed.ts';
import { dotenvExpand, type Reader, readersOf, sorted, textDialects } from './readers.ts';
import { valueSets } from './values.ts';

const sets = valueSets(seed);
const linesOfAFile = 100;

/** The forms that a line may have in a file before its value is written. */
const templates = [
  'KEY=x',
  `KEY=x # it's "$(c" \``,
  `export KEY = 'x'`,
  '\t export\tKEY="\n"\t# c',
  '  KEY= x   ',
];

const assignment = (index: number): Assignment => {
  const template = templates[index % templates.length] ?? '';
  const [line] = parseFile(`${template.replace('KEY', `K${index}`)}\n`).lines;
  if (line?.kind !== 'assignment') throw new Error('a template is no assignment');
  return line;
};

type Files = {
  readonly texts: string[];
  readonly expected: Map<string, string>[];
  written: number;
};

/**
 * Makes files that hold all values that the dialect can write. Each value is followed by another
 * line.
 */
const writeFiles = (dialect: TextDialect, values: readonly string[]): Files => {
  const files: Files = { texts: [], expected: [], written: 0 };
  for (let from = 0; from < values.length; from += linesOfAFile) {
    const expected = new Map<string, string>();
    let text = '';
    for (let index = from; index < Math.min(from + linesOfAFile, values.length); index++) {
      const value = values[index] ?? '';
      const written = writerOf(dialect).write(assignment(index), value);
      if (typeof written !== 'string') continue;
      files.written++;
      text += `${written}Z${index}=${index}\n`;
      expected.set(`K${index}`, value).set(`Z${index}`, `${index}`);
    }
    files.texts.push(text);
    files.expected.push(expected);
  }
  return files;
};

const expectReadBack = ({ texts, expected }: Files, { name, read }: Reader): void => {
  for (const [index, found] of read(texts).entries()) {
    const wanted = expected[index] ?? new Map();
    const wrong = [...wanted].filter(
      ([key, value]) => typeof found === 'string' || found.get(key) !== value,
    );
    expect({ name, seed, found: typeof found === 'string' ? found : 'a file', wrong }).toEqual({
      ...{ name, seed, found: 'a file', wrong: [] },
    });
    expect(sorted(found)).toEqual(sorted(wanted));
  }
};

/** Returns the percentage of values that can be written. */
const shareOf = ({ written }: Files, values: readonly string[]): number =>
  (100 * written) / values.length;

describe('values that the vault writes into a .env file', () => {
  // Shows G10.
  it.each(textDialects)(
    'are read exactly by the readers of %s, unless the vault refuses them',
    (dialect) => {
      let total = 0;
      for (const [set, values] of sets) {
        const files = writeFiles(dialect, values);
        for (const reader of readersOf[dialect]) expectReadBack(files, reader);
        const share = shareOf(files, values).toFixed(1);
        process.stdout.write(
          `${dialect}: ${files.written} of ${values.length} values ${set} (${share} %)\n`,
        );
        total += values.length;
      }
      expect(total).toBeGreaterThanOrEqual(20_000);
    },
  );

  it.each(textDialects)(
    'are the share of all values that docs/env.md states, give or take four percent: %s',
    (dialect) => {
      const page = readFileSync('docs/env.md', 'utf8');
      const row = new RegExp(`^\\| \`${dialect}\` \\|.*\\| (\\d+) % \\| (\\d+) % \\|$`, 'm').exec(
        page,
      );
      for (const [column, set] of ['printable passwords', 'usual secrets'].entries()) {
        const values = sets.get(set) ?? [];
        const difference = shareOf(writeFiles(dialect, values), values) - Number(row?.[column + 1]);
        expect(Math.abs(difference)).toBeLessThan(4);
      }
    },
  );

  it('stay unchanged by dotenv-expand', () => {
    for (const values of sets.values()) expectReadBack(writeFiles('dotenv', values), dotenvExpand);
  });

  it.each(['node', 'dotenv'] as const)(
    'of the dialect %s reach the environment of a process that node --env-file starts',
    (dialect) => {
      const values = [...sets.values()].flatMap((all) =>
        all.filter((_, index) => index % 29 === 0),
      );
      const short = values.filter((value) => value.length < 1_000);
      const files = writeFiles(dialect, short);
      expectReadBack(files, { name: 'a process', read: readWithNodeProcess });
    },
  );

  it('include every value without NUL for shells, docker compose, python-dotenv and phpdotenv', () => {
    for (const dialect of ['shell', 'compose', 'python', 'php'] as const) {
      for (const values of sets.values()) {
        const possible = values.filter((value) => !value.includes('\0'));
        expect(writeFiles(dialect, values).written).toBe(possible.length);
      }
    }
  });

  it('include every value of less than 16,000 characters without a line feed or NUL for docker run', () => {
    for (const values of sets.values()) {
      const possible = values.filter((value) => !/[\0\n]/.test(value) && value.length < 16_000);
      expect(
        writeFiles(
          'docker',
          values.filter((value) => value.length < 16_000),
        ).written,
      ).toBe(possible.length);
    }
  });
});
