import { describe, expect, it } from '@jest/globals';
import { readingOf, reasonsOf, writerFor } from '../../support/env-refusals.ts';
import { contentOf } from '../../support/env-runs.ts';

const write = writerFor('compose');

describe('the writer for docker compose', () => {
  it.each([
    ['a plain value bare', 'aZ0_./:@%+,-=', 'A=aZ0_./:@%+,-='],
    ['an empty value in quotes', '', `A=''`],
    ['any other value in single quotes', '$a `b` "c" \\n #\n\r\t', `A='$a \`b\` "c" \\n #\n\r\t'`],
    [
      'a value with an apostrophe in double quotes',
      `it's $a "b" \\n`,
      `A="it's \\$a \\"b\\" \\\\n"`,
    ],
    ['a value that ends in a backslash in double quotes', '$a\\', `A="\\$a\\\\"`],
  ])('writes %s', (_, value, line) => {
    expect(write(value)).toBe(`${line}\n`);
  });

  it('quotes a value before a comment, because a tab after a bare value does not begin a comment', () => {
    expect(write('v', 'A=secret(X)\t# c\n')).toBe(`A='v'\t# c\n`);
    expect(write('v', '\t export  A = secret(X) \r\n')).toBe('\t export  A=v \r\n');
  });

  it('writes a value after a byte order mark and on a CRLF line', () => {
    expect(write('v', '\uFEFFA=secret(X)\r\n')).toBe('\uFEFFA=v\r\n');
  });

  it('refuses a value with NUL', () => {
    expect(reasonsOf(() => write('\0'))).toEqual(['1 nul']);
  });

  it('writes a quoted value into a file that will be expanded later', () => {
    const text = 'A=secret(X)\nB=enc(N)\n';
    const options = {
      dialect: 'compose',
      values: { N: '1' },
      secrets: { X: `it's $a\\` },
    } as const;
    expect(contentOf(text, options)).toBe(`A="it's \\$a\\\\"\nB=secret(N)\n`);
  });
});

describe('the check of unchanged lines for docker compose', () => {
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
  ])('classifies %j as %s', (line, reading) => {
    expect(readingOf('compose', line)).toBe(reading);
  });
});
