import { describe, expect, it } from '@jest/globals';
import { readingOf, reasonsOf, writerFor } from '../../support/env-refusals.ts';
import { contentOf, plan } from '../../support/env-runs.ts';

const write = writerFor('dotenv');

describe('a value written for npm dotenv and Node', () => {
  it.each([
    ['bare, if it is plain', 'aZ0_./:@%+,-=', 'A=aZ0_./:@%+,-='],
    ['quoted, if it is empty', '', `A=''`],
    [
      'in single quotes, whatever else it holds',
      '`b` "c" \\n #\n\t\u2028',
      `A='\`b\` "c" \\n #\n\t\u2028'`,
    ],
    ['in double quotes, if it holds an apostrophe', `it's \`b\` #`, `A="it's \`b\` #"`],
    ['bare, if it holds both', `it's "b"`, `A=it's "b"`],
    ['in double quotes with a backslash', `it's \\a #`, `A="it's \\a #"`],
    ['in backticks, if nothing else is left', `'" #\n`, `A=\`'" #\n\``],
    ['in backticks, if double quotes would read an escape', `it's \\n #`, `A=\`it's \\n #\``],
  ])('is %s', (_, value, line) => {
    expect(write(value)).toBe(`${line}\n`);
  });

  it.each([
    ['with a quote at its beginning', `"it's \`b\``],
    ['with a number sign', `#it's "\`b`],
    ['with a line feed', `it's "b"\n\``],
    ['with a blank at its end', `it's "b" \` `],
    ['with a blank that only npm dotenv knows at its end', `it's "b" \`\u00a0`],
    ['with what only npm dotenv takes for a line end', `it's\u2028"b" \``],
  ])('is refused, if no kind of quotes is left and it needs them: %s', (_, value) => {
    expect(reasonsOf(() => write(value))).toEqual(['1 quotes']);
  });

  it('holds no NUL and no CR', () => {
    expect(reasonsOf(() => write('\0'))).toEqual(['1 nul']);
    expect(reasonsOf(() => write('a\r\nb'))).toEqual(['1 carriage_return']);
  });

  it.each([
    ...['$X', '$_', `\${X}`, '${', '$(id)', 'a\\$1'],
    ...['5$', 'a$$b', '$&', "$'", '$`', '$}', 'a b\\', '#\\'],
  ])('is refused, if dotenv-expand would not leave it alone: %j', (value) => {
    expect(reasonsOf(() => write(value))).toEqual(['1 expansion']);
  });

  it.each(['$1', '$ {', '(id)', '`id`', '$é', '\\a', '$#', '^a$|b'])('may hold %j', (value) => {
    expect(write(value)).toBe(`A='${value}'\n`);
  });

  it('stands behind export and one space, all else kept', () => {
    expect(write('v', `\t export \tA \t= 'secret(X)' \t# it's\r\n`)).toBe(
      `\t export A=v \t# it's\r\n`,
    );
  });

  it('does not stand after a byte order mark, before what ends a line, or in a name that objects lack', () => {
    expect(reasonsOf(() => write('v', '\uFEFFA=secret(X)\n'))).toEqual(['1 byte_order_mark']);
    expect(reasonsOf(() => write('v', 'A=secret(X) # \u2029T=1\n'))).toEqual(['1 comment']);
    expect(reasonsOf(() => write('v', '__proto__=secret(X)\n'))).toEqual(['1 key']);
    expect(write('v', 'constructor=secret(X)\n')).toBe('constructor=v\n');
  });

  it('is refused if the reply is to be expanded and the grammar reads it otherwise', () => {
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

describe('a line that comes back as it is, read by npm dotenv and Node', () => {
  const brace = '$' + '{';

  it.each([
    ['A=1', 'alike'],
    [`\t export A = it's "b" # c`, 'alike'],
    ['A=1\r', 'alike'],
    ['A= # c', 'alike'],
    ['A=', 'alike'],
    ['A=$B', 'alike'],
    [`A=$(b) $(c)`, 'alike'],
    [`A='a\\n\n"b"\u2028'`, 'alike'],
    [`A="a\\n\n'b'"`, 'alike'],
    ['# a=b', 'alike'],
    [' # a', 'alike'],
    ['\uFEFF# a', 'otherwise'],
    [' # a=b', 'otherwise'],
    ['\t# a="b', 'below'],
    ['\uFEFF# a= `b', 'below'],
    [' # a= ', 'below'],
    ['A= ', 'below'],
    ['A=b#c', 'otherwise'],
    ['A=#c', 'otherwise'],
    ['A=b\u00a0', 'otherwise'],
    ['A=\u00a0b', 'below'],
    ['A=`b`', 'otherwise'],
    ['A=`b`c`', 'otherwise'],
    ['A=`b', 'below'],
    ['A=`b\\`', 'below'],
    [`A='b\\'`, 'below'],
    ['A="b\\\\"', 'below'],
    [`A='b\r'`, 'otherwise'],
    ['A="b\r"', 'otherwise'],
    ['A="b\\t"', 'otherwise'],
    ['A="b\\r"', 'otherwise'],
    ['A="b\\$"', 'otherwise'],
    ['A="b\\"c"', 'otherwise'],
    ['A="b\\"\nT=c"', 'everywhere'],
    ['export\tA=1', 'otherwise'],
    ['export A=', 'otherwise'],
    [`export A=''`, 'alike'],
    ['__proto__=1', 'otherwise'],
    ['\uFEFFA=1', 'otherwise'],
    ['A=1\u2028T=2', 'everywhere'],
    [`A='1' # \u2029T=2`, 'everywhere'],
    ['# \u2028T=2', 'everywhere'],
    [`A=$$B`, 'everywhere'],
    [`A=$${brace}B}`, 'everywhere'],
    ['A=$(echo $B)', 'everywhere'],
    [`A=$(awk '{print $1}')`, 'alike'],
    ['A=^a$', 'alike'],
    ['A=$B$', 'everywhere'],
    ['A=$B$#c', 'everywhere'],
    ['A=$B$\u00a0', 'everywhere'],
    ['A=$B$&', 'everywhere'],
    ['A=$B\\', 'everywhere'],
    ['A="\\$B"', 'everywhere'],
    [`A=${brace}B:-$}`, 'everywhere'],
    [`A=${brace}B_${brace}C}}`, 'everywhere'],
    [`A=${brace}B:-${brace}C}}`, 'alike'],
    [`A=postgres://$B:${brace}C}@h/$D(e){f}`, 'alike'],
  ])('%j is %s', (line, reading) => {
    expect(readingOf('dotenv', line)).toBe(reading);
  });
});

describe('a line with a loose dollar sign, for dotenv-expand', () => {
  const brace = '$' + '{';
  const refused = (text: string) =>
    reasonsOf(() => plan(text, { mode: 'expand', dialect: 'dotenv' }));

  it.each(['A=5$', 'A=a$$b', 'A=$(date)', "A='a\\$b'", 'A=a\\'])(
    'refuses resolved values if another line reads it: %j',
    (line) => {
      expect(refused(`T=secret(X)\n${line}\nB=$A\n`)).toEqual(['1 other_line 2']);
      expect(refused(`B=${brace}A:-x}\n${line}\nT=secret(X)\n`)).toEqual(['3 other_line 2']);
    },
  );

  it('refuses nothing if no line reads it, whatever else they read', () => {
    expect(refused('A=^a$\nN=$(node -v)\nB=$T:$C@$D\nT=secret(X)\n')).toEqual([
      'nothing was thrown',
    ]);
  });

  it('may be hidden in a line that another takes a part of: both refuse values above, too', () => {
    expect(refused(`B=secret(X)\nE='\\'\nA="'\nF=$\nG=$F$B\n"\n`)).toEqual(['1 other_line 2']);
    expect(refused(`B=secret(X)\nE='\\'\n# $B'\n`)).toEqual(['1 other_line 2']);
    expect(refused(`B=secret(X)\nE='\\'\n# '\n`)).toEqual(['nothing was thrown']);
  });
});
