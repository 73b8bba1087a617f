import { describe, expect, it } from '@jest/globals';
import { convertFile } from '../../../functions/env/convert.ts';
import type { Dialect } from '../../../functions/env/dialects/dialect.ts';

/** Returns the converted file, or its errors as `line:column code` with their reasons. */
const converted = (content: string, from: Dialect | undefined, to: Dialect): string | string[] => {
  const conversion = convertFile(content, { from, to });
  if (conversion.errors.length === 0) return conversion.content;
  return conversion.errors.map(({ line, column, code, ...error }) =>
    [`${line}:${column} ${code}`, ...('reason' in error ? [error.reason] : [])].join(' '),
  );
};

describe('a converted file', () => {
  it.each<[string, Dialect | undefined, Dialect, string, string | string[]]>([
    [
      'keeps lines that its old and its new reader read alike',
      'dotenv',
      'compose',
      `A="x y" # c\n\n`,
      `A="x y" # c\n\n`,
    ],
    [
      'rewrites lines that its new reader would misread',
      'dotenv',
      'shell',
      `A=x y # c\nB=1\n`,
      `A='x y' # c\nB=1\n`,
    ],
    ['has the value as docker reads it', 'docker', 'shell', `A="x" # c`, `A='"x" # c'`],
    ['has the value as python reads it', 'python', 'shell', `A='\\\\x'\n`, `A='\\x'\n`],
    ['keeps references', undefined, 'docker', `A = "secret(X)"\nB="b"\n`, `A = "secret(X)"\nB=b\n`],
    [
      'may use a spelling that only its reader understands',
      undefined,
      'docker',
      `A='b #'\n`,
      `A=b #\n`,
    ],
    ['keeps a byte order mark', undefined, 'compose', `\uFEFFA=1\n`, `\uFEFFA=1\n`],
    [
      'cannot contain comments that its reader would misread',
      undefined,
      'dotenv',
      `\uFEFF#\n # A=\n`,
      ['1:1 reader_disagrees', '2:1 reader_disagrees'],
    ],
    ['is one object in json', 'shell', 'json', `# c\nA=1\nB='"'\n`, `{"A":"1","B":"\\""}`],
    [
      'cannot be made of a value on which readers disagree',
      'dotenv',
      'shell',
      `A=1\nB=x#y\n`,
      ['2:3 reader_disagrees'],
    ],
    [
      'cannot be made of a value that python expands',
      'python',
      'shell',
      `A=\${B}`,
      ['1:3 reader_disagrees'],
    ],
    [
      'cannot be made of a quoted value that python ends elsewhere',
      'python',
      'shell',
      `A='it\\' # '\n`,
      ['1:3 reader_disagrees'],
    ],
    [
      'cannot be made of a value that would become a reference',
      'docker',
      'shell',
      `A=x # secret(B)`,
      ['1:3 reader_disagrees'],
    ],
    [
      'cannot be made of a line that docker does not read as an assignment',
      'docker',
      'shell',
      `export A=1`,
      ['1:10 reader_disagrees'],
    ],
    [
      'cannot be made of a file with a byte order mark that its reader does not skip',
      'dotenv',
      'shell',
      `\uFEFFA=1`,
      ['1:1 reader_disagrees byte_order_mark'],
    ],
    [
      'cannot contain a comment that would hide lines from its reader',
      'shell',
      'dotenv',
      ` # A="\nB=1\n`,
      ['1:1 reader_disagrees'],
    ],
    [
      'cannot contain a value that its dialect cannot spell',
      'shell',
      'docker',
      `A=1\nB='x\ny'\n`,
      ['2:3 not_representable line_feed'],
    ],
    [
      'cannot contain a reference under a name that a shell changes',
      undefined,
      'shell',
      `UID=secret(X)`,
      ['1:5 not_representable key'],
    ],
    [
      'cannot contain a value under a name that a shell changes',
      'docker',
      'shell',
      `UID=1\n`,
      ['1:5 not_representable key'],
    ],
    [
      'cannot contain a value that a later expansion would change',
      undefined,
      'docker',
      `A=secret(X)\nB='b #'`,
      ['2:3 not_representable expanded_later'],
    ],
    [
      'cannot be json if it contains references',
      undefined,
      'json',
      `A=1\nB="\\\\secret(X)"`,
      ['2:6 not_representable expanded_later'],
    ],
    ['cannot be made of a file with errors', undefined, 'json', `A=1\nB`, ['2:1 missing_equals']],
    [
      'cannot contain a malformed reference',
      undefined,
      'json',
      `A=Secret(X)`,
      ['1:3 malformed_reference'],
    ],
  ])('%s', (_, from, to, content, result) => {
    expect(converted(content, from, to)).toEqual(result);
  });
});
