import { describe, expect, it } from '@jest/globals';
import { parseFile, printFile } from '../../../functions/env/grammar.ts';
import { envReadings } from '../../support/env-readings.ts';
import { scenariosOf } from '../../support/env-scenarios.ts';
import { cpuMsOf } from '../../support/growth.ts';

const read = (text: string): [string, string][] => {
  const { lines, errors } = parseFile(text);
  expect(errors).toEqual([]);
  return lines.flatMap((line) =>
    line.kind === 'assignment' ? [[line.key, line.value.decoded] as [string, string]] : [],
  );
};

const errorsOf = (text: string) =>
  parseFile(text).errors.map(({ line, column, code }) => `${line}:${column} ${code}`);

describe('the grammar of a .env file', () => {
  const words = ['reads', 'reports'];
  const scenarios = scenariosOf('test/unit/env/grammar.txt', words).get('the grammar') ?? [];
  const casesOf = (wanted: string) => scenarios.filter(({ word }) => word === wanted);

  it.each(casesOf('reads'))('$text', ({ input, output }) => {
    expect(read(input)).toEqual([['A', output]]);
    expect(printFile(parseFile(input))).toBe(input);
  });

  it('reads the names of built-in object properties like any other', () => {
    const names = ['constructor', '__proto__', 'toString', 'hasOwnProperty'];
    const text = names.map((name) => `${name}=1\n`).join('');
    expect(read(text).map(([key]) => key)).toEqual(names);
  });

  it('reads export as the key if no other key follows it', () => {
    expect(read('export=1\n')).toEqual([['export', '1']]);
    expect(read('export =1\n')).toEqual([['export', '1']]);
    expect(read('export export=1\n')).toEqual([['export', '1']]);
  });

  it('finds no assignment in blank lines and comments', () => {
    expect(read('\n \t\r\n# a=b\n \t# "\n')).toEqual([]);
    expect(read('')).toEqual([]);
    expect(read('\uFEFF')).toEqual([]);
  });

  it('keeps the spaces between an empty value and its comment', () => {
    const parts = { afterEquals: '', afterValue: ' \t', comment: '# c' };
    expect(parseFile('A= \t# c\n').lines[0]).toMatchObject(parts);
  });

  it('numbers lines like an editor, even after values that span several lines', () => {
    expect(parseFile(`A='1\n2'\n\nB=1\n`).lines.map(({ line }) => line)).toEqual([1, 3, 4]);
  });

  it.each(casesOf('reports'))('$text', ({ input, output }) => {
    expect(errorsOf(input).join(', ')).toBe(output);
    expect(printFile(parseFile(input))).toBe(input);
  });

  it.each(envReadings)(
    'gives the recorded result for an input on which readers disagree: $id',
    (vector) => {
      expect(printFile(parseFile(vector.input))).toBe(vector.input);
      expect(errorsOf(vector.input)).toEqual(vector.errors);
      if (vector.reads !== null) {
        expect(Object.fromEntries(read(vector.input))).toEqual(vector.reads);
      }
    },
  );

  it.each([
    ['backslashes', `A="${'\\\\'.repeat(65_000)}"`],
    ['bad escapes', `A="${'\\x'.repeat(130_000)}`],
    ['blanks without a comment after them', `A=a${' '.repeat(262_000)}b`],
    ['nothing but blanks', ' '.repeat(262_000)],
    ['a key without an equals sign', 'export '.repeat(37_000)],
    ['quotes that open on every line', `A='\n`.repeat(60_000)],
    ['lone CR', 'A=\r'.repeat(87_000)],
    ['short lines', 'A\n'.repeat(131_000)],
  ])('reads a large file of %s in linear time', (_, text) => {
    expect(cpuMsOf(() => parseFile(text))).toBeLessThan(1_000);
  });
});
