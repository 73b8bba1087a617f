import { describe, expect, it } from '@jest/globals';
import { readingOf, reasonsOf, writerFor } from '../../support/env-refusals.ts';
import { contentOf, plan } from '../../support/env-runs.ts';

const write = writerFor('dotenv');

describe('the writer for npm dotenv and Node', () => {
  it.each([
    ['a plain value bare', 'aZ0_./:@%+,-=', 'A=aZ0_./:@%+,-='],
    ['an empty value in quotes', '', `A=''`],
    [
      'any other value in single quotes',
      '`b` "c" \\n #\n\t\u2028',
      `A='\`b\` "c" \\n #\n\t\u2028'`,
    ],
    ['a value with an apostrophe in double quotes', `it's \`b\` #`, `A="it's \`b\` #"`],
    ['a value with both kinds of quotes bare', `it's "b"`, `A=it's "b"`],
    ['a value with an apostrophe and a backslash in double quotes', `it's \\a #`, `A="it's \\a #"`],
    ['a value that only backticks can hold in backticks', `'" #\n`, `A=\`'" #\n\``],
    [
      'a value whose escape double quotes would read in backticks',
      `it's \\n #`,
      `A=\`it's \\n #\``,
    ],
  ])('writes %s', (_, value, line) => {
    expect(write(value)).toBe(`${line}\n`);
  });

  it.each([
    ['with a quote at its beginning', `"it's \`b\``],
    ['with a number sign', `#it's "\`b`],
    ['with a line feed', `it's "b"\n\``],
    ['with a blank at its end', `it's "b" \` `],
    ['with a blank that only npm dotenv knows at its end', `it's "b" \`\u00a0`],
    ['with a line end that only npm dotenv knows', `it's\u2028"b" \``],
  ])('refuses a value that needs quotes and holds every kind of them: %s', (_, value) => {
    expect(reasonsOf(() => write(value))).toEqual(['1 quotes']);
  });

  it('refuses a value with NUL or CR', () => {
    expect(reasonsOf(() => write('\0'))).toEqual(['1 nul']);
    expect(reasonsOf(() => write('a\r\nb'))).toEqual(['1 carriage_return']);
  });

  it.each([
    ...['$X', '$_', `\${X}`, '${', '$(id)', 'a\\$1'],
    ...['5$', 'a$$b', '$&', "$'", '$`', '$}', 'a b\\', '#\\'],
  ])('refuses %j, which dotenv-expand would change', (value) => {
    expect(reasonsOf(() => write(value))).toEqual(['1 expansion']);
  });

  it.each(['$1', '$ {', '(id)', '`id`', '$é', '\\a', '$#', '^a$|b'])(
    'writes %j in single quotes',
    (value) => {
      expect(write(value)).toBe(`A='${value}'\n`);
    },
  );

  it('writes one space after export and keeps the rest of the line', () => {
    expect(write('v', `\t export \tA \t= 'secret(X)' \t# it's\r\n`)).toBe(
      `\t export A=v \t# it's\r\n`,
    );
  });

  it('refuses a value after a byte order mark, before a comment with a line separator, or for the key __proto__', () => {
    expect(reasonsOf(() => write('v', '\uFEFFA=secret(X)\n'))).toEqual(['1 byte_order_mark']);
    expect(reasonsOf(() => write('v', 'A=secret(X) # \u2029T=1\n'))).toEqual(['1 comment']);
    expect(reasonsOf(() => write('v', '__proto__=secret(X)\n'))).toEqual(['1 key']);
    expect(write('v', 'constructor=secret(X)\n')).toBe('constructor=v\n');
  });

  it('refuses a value in a file that will be expanded later if the grammar would read another value', () => {
    const text = 'A=secret(X)\nB=enc(N)\n';
    const options = { dialect: 'dotenv', values: { N: '1' } } as const;
    for (const value of [`it's \\a #`, `'" #`]) {
      const work = () => contentOf(text, { ...options, secrets: { X: value } });
      expect(reasonsOf(work)).toEqual(['1 expanded_later']);
    }
    const written = contentOf(text, { ...options, secrets: { X: `it's "b"` } });
    expect(written).toBe(`A=it's "b"\nB=secret(N)\n`);
  });
});

describe('the check of unchanged lines for npm dotenv and Node', () => {
  const brace = '$' + '{';

  it.each([
    ['A=1', 'same'],
    [`\t export A = it's "b" # c`, 'same'],
    ['A=1\r', 'same'],
    ['A= # c', 'same'],
    ['A=', 'same'],
    ['A=$B', 'same'],
    [`A=$(b) $(c)`, 'same'],
    [`A='a\\n\n"b"\u2028'`, 'same'],
    [`A="a\\n\n'b'"`, 'same'],
    ['# a=b', 'same'],
    [' # a', 'same'],
    ['\uFEFF# a', 'different'],
    [' # a=b', 'different'],
    ['\t# a="b', 'lines below'],
    ['\uFEFF# a= `b', 'lines below'],
    [' # a= ', 'lines below'],
    ['A= ', 'lines below'],
    ['A=b#c', 'different'],
    ['A=#c', 'different'],
    ['A=b\u00a0', 'different'],
    ['A=\u00a0b', 'lines below'],
    ['A=`b`', 'different'],
    ['A=`b`c`', 'different'],
    ['A=`b', 'lines below'],
    ['A=`b\\`', 'lines below'],
    [`A='b\\'`, 'lines below'],
    ['A="b\\\\"', 'lines below'],
    [`A='b\r'`, 'different'],
    ['A="b\r"', 'different'],
    ['A="b\\t"', 'different'],
    ['A="b\\r"', 'different'],
    ['A="b\\$"', 'different'],
    ['A="b\\"c"', 'different'],
    ['A="b\\"\nT=c"', 'whole file'],
    ['export\tA=1', 'different'],
    ['export A=', 'different'],
    [`export A=''`, 'same'],
    ['__proto__=1', 'different'],
    ['\uFEFFA=1', 'different'],
    ['A=1\u2028T=2', 'whole file'],
    [`A='1' # \u2029T=2`, 'whole file'],
    ['# \u2028T=2', 'whole file'],
    [`A=$$B`, 'whole file'],
    [`A=$${brace}B}`, 'whole file'],
    ['A=$(echo $B)', 'whole file'],
    [`A=$(awk '{print $1}')`, 'same'],
    ['A=^a$', 'same'],
    ['A=$B$', 'whole file'],
    ['A=$B$#c', 'whole file'],
    ['A=$B$\u00a0', 'whole file'],
    ['A=$B$&', 'whole file'],
    ['A=$B\\', 'whole file'],
    ['A="\\$B"', 'whole file'],
    [`A=${brace}B:-$}`, 'whole file'],
    [`A=${brace}B_${brace}C}}`, 'whole file'],
    [`A=${brace}B:-${brace}C}}`, 'same'],
    [`A=postgres://$B:${brace}C}@h/$D(e){f}`, 'same'],
  ])('classifies %j as %s', (line, reading) => {
    expect(readingOf('dotenv', line)).toBe(reading);
  });
});

describe('a line with a loose dollar sign, for dotenv-expand', () => {
  const brace = '$' + '{';
  const refused = (text: string) =>
    reasonsOf(() => plan(text, { mode: 'expand', dialect: 'dotenv' }));

  it.each(['A=5$', 'A=a$$b', 'A=$(date)', "A='a\\$b'", 'A=a\\'])(
    'forbids resolved values if another line refers to its key: %j',
    (line) => {
      expect(refused(`T=secret(X)\n${line}\nB=$A\n`)).toEqual(['1 other_line 2']);
      expect(refused(`B=${brace}A:-x}\n${line}\nT=secret(X)\n`)).toEqual(['3 other_line 2']);
    },
  );

  it('forbids nothing if no line refers to its key', () => {
    expect(refused('A=^a$\nN=$(node -v)\nB=$T:$C@$D\nT=secret(X)\n')).toEqual([
      'nothing was thrown',
    ]);
  });

  it('forbids resolved values above it even where only dotenv reads it as a line of its own', () => {
    expect(refused(`B=secret(X)\nE='\\'\nA="'\nF=$\nG=$F$B\n"\n`)).toEqual(['1 other_line 2']);
    expect(refused(`B=secret(X)\nE='\\'\n# $B'\n`)).toEqual(['1 other_line 2']);
    expect(refused(`B=secret(X)\nE='\\'\n# '\n`)).toEqual(['nothing was thrown']);
  });
});
