import { describe, expect, it } from '@jest/globals';
import { findDifferences, readFile } from '../../../functions/env/agreement.ts';
import type { Dialect } from '../../../functions/env/dialects/dialect.ts';

/** Returns the differences as `line:column code`, with their reasons. */
const differences = (content: string, dialect: Dialect): string[] =>
  findDifferences(readFile(content), dialect).map(({ line, column, code, reason }) =>
    [`${line}:${column} ${code}`, ...(reason ? [reason] : [])].join(' '),
  );

describe('findDifferences', () => {
  it.each<[string, Dialect, string, string[]]>([
    ['nothing if the reader reads each line alike', 'compose', `A="x y" # c\n\n`, []],
    ['a value that the reader splits', 'shell', `A=x y # c\nB=1\n`, ['1:3 reader_disagrees']],
    ['a value on which readers disagree', 'dotenv', `A=1\nB=x#y\n`, ['2:3 reader_disagrees']],
    ['a value that python expands', 'python', `A=\${B}`, ['1:3 reader_disagrees']],
    ['a value that python ends elsewhere', 'python', `A='it\\' # '\n`, ['1:3 reader_disagrees']],
    ['a line that docker rejects', 'docker', `export A=1`, ['1:10 reader_disagrees']],
    [
      'each comment that the reader may misread, after a byte order mark',
      'dotenv',
      `\uFEFF#\n # A=\n`,
      ['1:1 reader_disagrees', '2:1 reader_disagrees'],
    ],
    [
      'a comment that would hide lines from the reader',
      'dotenv',
      ` # A="\nB=1\n`,
      ['1:1 reader_disagrees'],
    ],
    [
      'a byte order mark that the reader does not skip, as the reason',
      'dotenv',
      `\uFEFFA=1`,
      ['1:1 reader_disagrees byte_order_mark'],
    ],
    [
      'a value and a reference under a name that a shell changes, in the order of the file',
      'shell',
      `UID=secret(X)\nB=$C\nEUID=1\n`,
      ['1:5 not_representable key', '2:3 reader_disagrees', '3:1 reader_disagrees key'],
    ],
  ])('names %s', (_, dialect, content, result) => {
    expect(differences(content, dialect)).toEqual(result);
  });
});

describe('readFile', () => {
  it.each([
    ['a line that is none', `A=1\nB`, '2:1 missing_equals'],
    ['a malformed reference', `A=Secret(X)`, '1:3 malformed_reference'],
  ])('reports %s', (_, content, error) => {
    const { errors } = readFile(content);
    expect(errors.map(({ line, column, code }) => `${line}:${column} ${code}`)).toEqual([error]);
  });
});
