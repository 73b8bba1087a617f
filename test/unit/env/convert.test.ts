import { describe, expect, it } from '@jest/globals';
import { convertFile } from '../../../functions/env/convert.ts';
import type { Dialect } from '../../../functions/env/dialects/dialect.ts';

/** The converted file, or the errors as `line:column code`, with their reasons. */
const converted = (content: string, from: Dialect | undefined, to: Dialect): string | string[] => {
  const conversion = convertFile(content, { from, to });
  if (conversion.errors.length === 0) return conversion.content;
  return conversion.errors.map(({ line, column, code, ...error }) =>
    [`${line}:${column} ${code}`, ...('reason' in error ? [error.reason] : [])].join(' '),
  );
};

describe('a converted file', () => {
  it.each<[string, Dialect | undefined, Dialect, string, string | string[]]>([
    ['keeps lines that both read right', 'dotenv', 'compose', `A="x y" # c\n\n`, `A="x y" # c\n\n`],
    ['writes the others again', 'dotenv', 'shell', `A=x y # c\nB=1\n`, `A='x y' # c\nB=1\n`],
    ['has the value that docker finds', 'docker', 'shell', `A="x" # c`, `A='"x" # c'`],
    ['has the value that python finds', 'python', 'shell', `A='\\\\x'\n`, `A='\\x'\n`],
    ['keeps references', undefined, 'docker', `A = "secret(X)"\nB="b"\n`, `A = "secret(X)"\nB=b\n`],
    ['may have a spelling of the reader alone', undefined, 'docker', `A='b #'\n`, `A=b #\n`],
    ['keeps a byte order mark', undefined, 'compose', `\uFEFFA=1\n`, `\uFEFFA=1\n`],
    [
      'has no comments that the reader misreads',
      undefined,
      'dotenv',
      `\uFEFF#\n # A=\n`,
      ['1:1 reader_disagrees', '2:1 reader_disagrees'],
    ],
    ['is one object in json', 'shell', 'json', `# c\nA=1\nB='"'\n`, `{"A":"1","B":"\\""}`],
    [
      'has no value that is not certain',
      'dotenv',
      'shell',
      `A=1\nB=x#y\n`,
      ['2:3 reader_disagrees'],
    ],
    [
      'has no value with dollars that python expands',
      'python',
      'shell',
      `A=\${B}`,
      ['1:3 reader_disagrees'],
    ],
    [
      'has no comment of python twice',
      'python',
      'shell',
      `A='it\\' # '\n`,
      ['1:3 reader_disagrees'],
    ],
    ['makes no new reference', 'docker', 'shell', `A=x # secret(B)`, ['1:3 reader_disagrees']],
    [
      'has no value that docker does not find',
      'docker',
      'shell',
      `export A=1`,
      ['1:10 reader_disagrees'],
    ],
    [
      'has no value behind a mark',
      'dotenv',
      'shell',
      `\uFEFFA=1`,
      ['1:1 reader_disagrees byte_order_mark'],
    ],
    [
      'has no comment that hides lines',
      'shell',
      'dotenv',
      ` # A="\nB=1\n`,
      ['1:1 reader_disagrees'],
    ],
    [
      'has no value without a spelling',
      'shell',
      'docker',
      `A=1\nB='x\ny'\n`,
      ['2:3 not_representable line_feed'],
    ],
    ['has no unfit reference', undefined, 'shell', `UID=secret(X)`, ['1:5 not_representable key']],
    ['has no unfit value', 'docker', 'shell', `UID=1\n`, ['1:5 not_representable key']],
    [
      'can be expanded later',
      undefined,
      'docker',
      `A=secret(X)\nB='b #'`,
      ['2:3 not_representable expanded_later'],
    ],
    [
      'is no json with references',
      undefined,
      'json',
      `A=1\nB="\\\\secret(X)"`,
      ['2:6 not_representable expanded_later'],
    ],
    ['has no errors of the grammar', undefined, 'json', `A=1\nB`, ['2:1 missing_equals']],
    [
      'has nothing that looks like a reference',
      undefined,
      'json',
      `A=Secret(X)`,
      ['1:3 malformed_reference'],
    ],
  ])('%s', (_, from, to, content, result) => {
    expect(converted(content, from, to)).toEqual(result);
  });
});
