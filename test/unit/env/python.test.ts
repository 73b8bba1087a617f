import { describe, expect, it } from '@jest/globals';
import { readingOf, reasonsOf, writerFor } from '../../support/env-refusals.ts';
import { contentOf, plan } from '../../support/env-runs.ts';

const write = writerFor('python');
const name = '$' + '{X}';

describe('the writer for python-dotenv', () => {
  it.each([
    ['a plain value bare', 'aZ0_./:@%+,-=', 'A=aZ0_./:@%+,-='],
    ['an empty value in quotes', '', `A=''`],
    [
      'any other value in single quotes',
      '$a `b` "c" \\n #\n\t\u0085',
      `A='$a \`b\` "c" \\n #\n\t\u0085'`,
    ],
    ['a value with an apostrophe in double quotes', `it's "b" \\n`, `A="it's \\"b\\" \\\\n"`],
    ['a value that ends in a backslash in double quotes', 'a\\', `A="a\\\\"`],
    ['a value with two backslashes in double quotes', 'a\\\\b', `A="a\\\\\\\\b"`],
    ['a value with CR in double quotes', 'a\r\nb', `A="a\\r\nb"`],
    [
      'a variable as the default of an empty name, so that it is not replaced',
      `a${name}b`,
      `A='a\${=:-${name}}b'`,
    ],
    ['other dollar signs unchanged', `\${X $X \${X:?y} $(z)`, `A='\${X $X \${X:?y} $(z)'`],
  ])('writes %s', (_, value, line) => {
    expect(write(value)).toBe(`${line}\n`);
  });

  it('writes a value on any line and keeps the rest of the line', () => {
    expect(write('v', `\uFEFF\t export  A \t= 'secret(X)' \t# it's\r\n`)).toBe(
      `\uFEFF\t export  A=v \t# it's\r\n`,
    );
  });

  it('refuses a value with NUL', () => {
    expect(reasonsOf(() => write('\0'))).toEqual(['1 nul']);
  });

  it('refuses a value with a variable in a file that will be expanded later', () => {
    const text = 'A=secret(X)\nB=enc(N)\n';
    const options = { dialect: 'python', values: { N: '1' } } as const;
    const work = () => contentOf(text, { ...options, secrets: { X: name } });
    expect(reasonsOf(work)).toEqual(['1 expanded_later']);
    expect(contentOf(text, { ...options, secrets: { X: '$X' } })).toBe(`A='$X'\nB=secret(N)\n`);
  });
});

describe('the check of unchanged lines for python-dotenv', () => {
  it.each([
    ['A=1', 'same'],
    ['\uFEFF\t export A = a b # c', 'same'],
    ['A=1\r', 'same'],
    ['A= # c', 'same'],
    ['A=#c', 'same'],
    ["A=$B $(c) it's", 'same'],
    [`A='a\\n "b" \\'`, 'whole file'],
    [`A='a\\n "b"'`, 'same'],
    [`A='a\\\\b'`, 'different'],
    [`A="a \\\\ \\" \\n \\r \\t"`, 'same'],
    ['A="\\$"', 'different'],
    ['A="\\`"', 'different'],
    [`A='\r\n'`, 'different'],
    [`A=${name}`, 'different'],
    [`A='${name}'`, 'different'],
    ['A=\u00a0b', 'different'],
    ['A=\u001cb', 'different'],
    [`A=\u00a0'b`, 'whole file'],
    ['A=\uFEFFb', 'same'],
    ['A=b\u00a0', 'different'],
    ['A=b\u0085#c', 'different'],
    ['export =1', 'different'],
    ['export=1', 'same'],
    [`export ='B=1'`, 'different'],
    [`export ="\nB=1\n#"`, 'whole file'],
    [`export ="\n'B C'\n#"`, 'whole file'],
    [`export ="\n'B\n#"`, 'whole file'],
    [`export ="\n''=B\n#"`, 'different'],
    [`export ="\n# B=1\n#"`, 'different'],
    [`A='\nB=1\n\\'`, 'whole file'],
    [`A='\\\n' # c`, 'same'],
  ])('classifies %j as %s', (line, reading) => {
    expect(readingOf('python', line)).toBe(reading);
  });

  it.each([
    ['an open quote, after which python-dotenv reads each line on its own', `K='`, `\\'`],
    ['a missing key, for which python-dotenv skips one line', `export = '`, `'`],
  ])('refuses a resolved value that a later line would replace: %s', (_, open, close) => {
    const text = `PW=secret(P)\n${open}\nPW=attacker\n${close}\n`;
    expect(reasonsOf(() => plan(text, { mode: 'expand', dialect: 'python' }))).toEqual([
      '1 other_line 2',
    ]);
  });
});
