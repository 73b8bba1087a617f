import { describe, expect, it } from '@jest/globals';
import { parseFile, printFile } from '../../../functions/env/grammar.ts';
import readers from '../../vectors/env-readers.json' with { type: 'json' };

/** The keys and values that the grammar reads from a file without errors. */
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
  it.each([
    ['a bare value', 'A=1\n', '1'],
    ['an empty value', 'A=\n', ''],
    ['a value on a last line without an end', 'A=1', '1'],
    ['a value on a CRLF line', 'A=1\r\n', '1'],
    ['an empty value on a CRLF line', 'A=\r\n', ''],
    ['export', 'export A=1\n', '1'],
    ['export and a tab', '\texport\tA=1\n', '1'],
    ['blanks around everything', '  A \t= \t1 \t\n', '1'],
    ['a comment after a blank', 'A=1 # c\n', '1'],
    ['a number sign inside', 'A=1#c\n', '1#c'],
    ['a number sign first', 'A=#c\n', '#c'],
    ['a comment in place of a value', 'A= # c\n', ''],
    ['blanks inside', 'A=a  b\tc\n', 'a  b\tc'],
    ['an equals sign inside', 'A=a=b\n', 'a=b'],
    ['quotes inside', `A=it's "so"\n`, `it's "so"`],
    ['a backtick', 'A=`a`\n', '`a`'],
    ['a backslash', 'A=a\\nb\\\n', 'a\\nb\\'],
    ['what a shell would expand', 'A=$B $(d) $\n', '$B $(d) $'],
    ['spaces of Unicode', 'A=\u00a0a\u2003\n', '\u00a0a\u2003'],
    ['single quotes', `A='a "b" \\n $C # d' # e\n`, 'a "b" \\n $C # d'],
    ['double quotes', `A="a 'b' $C # d" # e\n`, `a 'b' $C # d`],
    ['empty single quotes', `A=''\n`, ''],
    ['empty double quotes', `A=""\n`, ''],
    ['every escape', 'A="\\\\ \\" \\n \\r \\t \\$ \\`"\n', '\\ " \n \r \t $ `'],
    ['several lines', `A='1\n2\r\n\r3'\n`, '1\n2\r\n\r3'],
    ['several lines in double quotes', `A="1\n2\r\n\r3"\n`, '1\n2\r\n\r3'],
    ['a byte order mark before', '\uFEFFA=1\n', '1'],
    ['a byte order mark inside', 'A=\uFEFF1\n', '\uFEFF1'],
  ])('reads %s', (_, text, value) => {
    expect(read(text)).toEqual([['A', value]]);
    expect(printFile(parseFile(text))).toBe(text);
  });

  it('reads the names of built-in object properties like any other', () => {
    const text = 'constructor=1\n__proto__=2\ntoString=3\nhasOwnProperty=4\n';
    expect(read(text).map(([key]) => key)).toEqual([
      'constructor',
      '__proto__',
      'toString',
      'hasOwnProperty',
    ]);
  });

  it('reads export as the key if no other key follows', () => {
    expect(read('export=1\n')).toEqual([['export', '1']]);
    expect(read('export =1\n')).toEqual([['export', '1']]);
    expect(read('export export=1\n')).toEqual([['export', '1']]);
  });

  it('reads no assignment from blank lines and comments', () => {
    expect(read('\n \t\r\n# a=b\n \t# "\n')).toEqual([]);
    expect(read('')).toEqual([]);
    expect(read('\uFEFF')).toEqual([]);
  });

  it('keeps the blanks between an empty value and its comment', () => {
    expect(parseFile('A= \t# c\n').lines[0]).toMatchObject({
      afterEquals: '',
      afterValue: ' \t',
      comment: '# c',
    });
  });

  it('numbers lines as an editor does, even after values of several lines', () => {
    expect(parseFile(`A='1\n2'\n\nB=1\n`).lines.map(({ line }) => line)).toEqual([1, 3, 4]);
  });

  it.each([
    ['a line without an equals sign', 'A=1\n  B\n', ['2:3 missing_equals']],
    ['an equals sign in the comment only', 'B # a=b\n', ['1:1 missing_equals']],
    ['export of a key without a value', 'export A\n', ['1:1 missing_equals']],
    ['a key that begins with a digit', '1A=x\n', ['1:1 bad_key']],
    ['a key with a letter outside ASCII', ' É=1\n', ['1:2 bad_key']],
    ['a key with a blank', 'export A B=1\n', ['1:8 bad_key']],
    ['no key', '=1\n', ['1:1 bad_key']],
    ['a byte order mark on a later line', 'A=1\n\uFEFFB=1\n', ['2:1 bad_key']],
    ['a key used twice', 'A=1\nexport A=1\nA=2\n', ['2:8 duplicate_key', '3:1 duplicate_key']],
    ['a single quote that nothing closes', `A='x\nB=1\n`, ['1:3 unterminated_quote']],
    ['a double quote that nothing closes', 'A="x\\"\nB=1\n', ['1:3 unterminated_quote']],
    ['text after a quote', `A='x'y\nB="x" y\n`, ['1:6 text_after_quote', '2:7 text_after_quote']],
    ['a number sign right after a quote', 'A="x"#c\n', ['1:6 text_after_quote']],
    [
      'an unknown escape',
      'A="\\x\\\n\\u"\n',
      ['1:4 bad_escape', '1:6 bad_escape', '2:1 bad_escape'],
    ],
    ['NUL in a value', 'A=a\0\n', ['1:4 bad_character']],
    ['NUL in quotes', `A='a\0'\n`, ['1:5 bad_character']],
    ['NUL in a comment', '#\0\n', ['1:2 bad_character']],
    ['a lone CR in a value', 'A=1\r2\n', ['1:4 bad_character']],
    ['a lone CR at the end', 'A=1\r', ['1:4 bad_character']],
    ['a lone CR after a quote', `A='1'\r`, ['1:6 bad_character']],
    ['two CR before LF', 'A=1\r\r\n', ['1:4 bad_character']],
    ['a lone CR in a comment', '# a\rb\n', ['1:4 bad_character']],
    ['columns in code points', 'A="😀é\\x"\n', ['1:6 bad_escape']],
    ['no column for a byte order mark', '\uFEFF1=x\n', ['1:1 bad_key']],
    [
      'every line at once',
      'A\n1=2\nB="',
      ['1:1 missing_equals', '2:1 bad_key', '3:3 unterminated_quote'],
    ],
  ])('reports %s', (_, text, errors) => {
    expect(errorsOf(text)).toEqual(errors);
    expect(printFile(parseFile(text))).toBe(text);
  });

  it.each(readers.cases)(
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
    ['blanks before no comment', `A=a${' '.repeat(262_000)}b`],
    ['blanks before no key', ' '.repeat(262_000)],
    ['a key without an equals sign', 'export '.repeat(37_000)],
    ['quotes that open on every line', `A='\n`.repeat(60_000)],
    ['lone CR', 'A=\r'.repeat(87_000)],
    ['short lines', 'A\n'.repeat(131_000)],
  ])('reads a large file of %s in time that grows with its size only', (_, text) => {
    const start = performance.now();
    parseFile(text);
    expect(performance.now() - start).toBeLessThan(1_000);
  });
});
