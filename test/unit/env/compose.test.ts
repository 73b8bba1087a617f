import { describe, expect, it } from '@jest/globals';
import { readingOf, reasonsOf, writerFor } from '../../support/env-refusals.ts';
import { contentOf } from '../../support/env-runs.ts';

const write = writerFor('compose');

describe('a value written for docker compose', () => {
  it.each([
    ['bare, if it is plain', 'aZ0_./:@%+,-=', 'A=aZ0_./:@%+,-='],
    ['quoted, if it is empty', '', `A=''`],
    [
      'in single quotes, whatever else it holds',
      '$a `b` "c" \\n #\n\r\t',
      `A='$a \`b\` "c" \\n #\n\r\t'`,
    ],
    [
      'in double quotes, if it holds an apostrophe',
      `it's $a "b" \\n`,
      `A="it's \\$a \\"b\\" \\\\n"`,
    ],
    ['in double quotes, if it ends in a backslash', '$a\\', `A="\\$a\\\\"`],
  ])('is %s', (_, value, line) => {
    expect(write(value)).toBe(`${line}\n`);
  });

  it('is quoted before a comment, for a tab does not begin one behind a bare value', () => {
    expect(write('v', 'A=secret(X)\t# c\n')).toBe(`A='v'\t# c\n`);
    expect(write('v', '\t export  A = secret(X) \r\n')).toBe('\t export  A=v \r\n');
  });

  it('stands on the first line after a byte order mark, and on lines that end in CRLF', () => {
    expect(write('v', '\uFEFFA=secret(X)\r\n')).toBe('\uFEFFA=v\r\n');
  });

  it('holds no NUL', () => {
    expect(reasonsOf(() => write('\0'))).toEqual(['1 nul']);
  });

  it('is read again where the reply is to be expanded', () => {
    const text = 'A=secret(X)\nB=enc(N)\n';
    const options = {
      dialect: 'compose',
      values: { N: '1' },
      secrets: { X: `it's $a\\` },
    } as const;
    expect(contentOf(text, options)).toBe(`A="it's \\$a\\\\"\nB=secret(N)\n`);
  });
});

describe('a line that comes back as it is, read by docker compose', () => {
  const brace = '$' + '{';

  it.each([
    ['A=1', 'alike'],
    [' export A = 1 # c', 'alike'],
    ['\uFEFFA=1', 'alike'],
    ['A=1\r', 'alike'],
    ['# c $(x) ${', 'alike'],
    ['A=x y `z` #1', 'alike'],
    [`A='a\\b $B \n\r'`, 'alike'],
    [`A="a\\\\ \\" \\n \\r \\t \\$B 5$ $("`, 'alike'],
    ['A=$(b) 5$ $1', 'alike'],
    ['export=1', 'alike'],
    ['A=$B', 'otherwise'],
    ['A=$ſ', 'otherwise'],
    ['A="$B"', 'otherwise'],
    ['A=$$B', 'otherwise'],
    [`A=h${brace}B}/${brace}C:-d}`, 'otherwise'],
    ['A="\\`"', 'otherwise'],
    ['A= # c', 'otherwise'],
    ['A=x\t# c', 'otherwise'],
    ['A=x\u00a0', 'otherwise'],
    [`A='a\\'`, 'everywhere'],
    [`A='a\\\\'`, 'alike'],
    [`A=${brace}`, 'everywhere'],
    [`A=${brace}B:?c}`, 'everywhere'],
    [`A="${brace}B${brace}C}}"`, 'everywhere'],
    [`A="\\\\$B"`, 'otherwise'],
    [`A="\\$\\$"`, 'alike'],
    [`A="$\\$"`, 'everywhere'],
    [`A=x # ${brace}`, 'everywhere'],
    ['A=\u00a0b', 'everywhere'],
    ['export =1', 'everywhere'],
  ])('%j is %s', (line, reading) => {
    expect(readingOf('compose', line)).toBe(reading);
  });
});
