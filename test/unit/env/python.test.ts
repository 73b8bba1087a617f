import { describe, expect, it } from '@jest/globals';
import { readingOf, reasonsOf, writerFor } from '../../support/env-refusals.ts';
import { contentOf, plan } from '../../support/env-runs.ts';

const write = writerFor('python');
const name = '$' + '{X}';

describe('a value written for python-dotenv', () => {
  it.each([
    ['bare, if it is plain', 'aZ0_./:@%+,-=', 'A=aZ0_./:@%+,-='],
    ['quoted, if it is empty', '', `A=''`],
    [
      'in single quotes, whatever else it holds',
      '$a `b` "c" \\n #\n\t\u0085',
      `A='$a \`b\` "c" \\n #\n\t\u0085'`,
    ],
    ['in double quotes, if it holds an apostrophe', `it's "b" \\n`, `A="it's \\"b\\" \\\\n"`],
    ['in double quotes, if it ends in a backslash', 'a\\', `A="a\\\\"`],
    ['in double quotes, if it holds two backslashes', 'a\\\\b', `A="a\\\\\\\\b"`],
    ['in double quotes, if it holds a CR', 'a\r\nb', `A="a\\r\nb"`],
    ['a default of no variable, where it would be replaced', `a${name}b`, `A='a\${=:-${name}}b'`],
    ['as it is, where it would not', `\${X $X \${X:?y} $(z)`, `A='\${X $X \${X:?y} $(z)'`],
  ])('is %s', (_, value, line) => {
    expect(write(value)).toBe(`${line}\n`);
  });

  it('stands on any line, all else kept', () => {
    expect(write('v', `\uFEFF\t export  A \t= 'secret(X)' \t# it's\r\n`)).toBe(
      `\uFEFF\t export  A=v \t# it's\r\n`,
    );
  });

  it('holds no NUL', () => {
    expect(reasonsOf(() => write('\0'))).toEqual(['1 nul']);
  });

  it('is refused if the reply is to be expanded and it would be replaced', () => {
    const text = 'A=secret(X)\nB=enc(N)\n';
    const options = { dialect: 'python', values: { N: '1' } } as const;
    const work = () => contentOf(text, { ...options, secrets: { X: name } });
    expect(reasonsOf(work)).toEqual(['1 expanded_later']);
    expect(contentOf(text, { ...options, secrets: { X: '$X' } })).toBe(`A='$X'\nB=secret(N)\n`);
  });
});

describe('a line that comes back as it is, read by python-dotenv', () => {
  it.each([
    ['A=1', 'alike'],
    ['\uFEFF\t export A = a b # c', 'alike'],
    ['A=1\r', 'alike'],
    ['A= # c', 'alike'],
    ['A=#c', 'alike'],
    ["A=$B $(c) it's", 'alike'],
    [`A='a\\n "b" \\'`, 'everywhere'],
    [`A='a\\n "b"'`, 'alike'],
    [`A='a\\\\b'`, 'otherwise'],
    [`A="a \\\\ \\" \\n \\r \\t"`, 'alike'],
    ['A="\\$"', 'otherwise'],
    ['A="\\`"', 'otherwise'],
    [`A='\r\n'`, 'otherwise'],
    [`A=${name}`, 'otherwise'],
    [`A='${name}'`, 'otherwise'],
    ['A=\u00a0b', 'otherwise'],
    ['A=\u001cb', 'otherwise'],
    [`A=\u00a0'b`, 'everywhere'],
    ['A=\uFEFFb', 'alike'],
    ['A=b\u00a0', 'otherwise'],
    ['A=b\u0085#c', 'otherwise'],
    ['export =1', 'otherwise'],
    ['export=1', 'alike'],
    [`export ='B=1'`, 'otherwise'],
    [`export ="\nB=1\n#"`, 'everywhere'],
    [`export ="\n'B C'\n#"`, 'everywhere'],
    [`export ="\n'B\n#"`, 'everywhere'],
    [`export ="\n''=B\n#"`, 'otherwise'],
    [`export ="\n# B=1\n#"`, 'otherwise'],
    [`A='\nB=1\n\\'`, 'everywhere'],
    [`A='\\\n' # c`, 'alike'],
  ])('%j is %s', (line, reading) => {
    expect(readingOf('python', line)).toBe(reading);
  });

  it.each([
    ['a quote that stays open, so that the lines behind it are read one by one', `K='`, `\\'`],
    ['a key that the reader does not find, so that it skips one line', `export = '`, `'`],
  ])('refuses a resolved value above that it would replace: %s', (_, open, close) => {
    const text = `PW=secret(P)\n${open}\nPW=attacker\n${close}\n`;
    expect(reasonsOf(() => plan(text, { mode: 'expand', dialect: 'python' }))).toEqual([
      '1 other_line 2',
    ]);
  });
});
