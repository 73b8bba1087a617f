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
    ['A=1', 'same'],
    [' export A = 1 # c', 'same'],
    ['\uFEFFA=1', 'same'],
    ['A=1\r', 'same'],
    ['# c $(x) ${', 'same'],
    ['A=x y `z` #1', 'same'],
    [`A='a\\b $B \n\r'`, 'same'],
    [`A="a\\\\ \\" \\n \\r \\t \\$B 5$ $("`, 'same'],
    ['A=$(b) 5$ $1', 'same'],
    ['export=1', 'same'],
    ['A=$B', 'different'],
    ['A=$ſ', 'different'],
    ['A="$B"', 'different'],
    ['A=$$B', 'different'],
    [`A=h${brace}B}/${brace}C:-d}`, 'different'],
    ['A="\\`"', 'different'],
    ['A= # c', 'different'],
    ['A=x\t# c', 'different'],
    ['A=x\u00a0', 'different'],
    [`A='a\\'`, 'whole file'],
    [`A='a\\\\'`, 'same'],
    [`A=${brace}`, 'whole file'],
    [`A=${brace}B:?c}`, 'whole file'],
    [`A="${brace}B${brace}C}}"`, 'whole file'],
    [`A="\\\\$B"`, 'different'],
    [`A="\\$\\$"`, 'same'],
    [`A="$\\$"`, 'whole file'],
    [`A=x # ${brace}`, 'whole file'],
    ['A=\u00a0b', 'whole file'],
    ['export =1', 'whole file'],
  ])('classifies %j as %s', (line, reading) => {
    expect(readingOf('compose', line)).toBe(reading);
  });
});
